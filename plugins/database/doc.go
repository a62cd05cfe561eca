// Package database is the plugin that checks user names and passwords against
// a SQL database, in one of two ways.
//
//   - The users table: a table of our own for those who have none, in SQLite or
//     PostgreSQL. [OpenUsers] is the way in for the command line.
//   - Your query: a query of the operator's finds the person in any SQLite,
//     PostgreSQL, MySQL or MariaDB database, and its columns say who it is.
//
// What is common to both is here: which work a wrong name or password takes,
// how many hashes are computed at once, and in what order a login is refused.
// A wrong password is told from a right one before anything else is looked at,
// so that only who knows the password learns that an account is locked,
// disabled or expired, or that a unit is not theirs. Reading hashes belongs to
// the package password below, databases to storage/sqldb.
package database
