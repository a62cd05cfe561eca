// Package sqldb opens SQL databases: SQLite, PostgreSQL and MySQL or MariaDB.
//
// It owns what differs between them and between their drivers: connection
// strings, pools, placeholders, migrations under a lock, what an error means,
// and that every call ends with its context. It knows no table. It is the only
// importer of SQL drivers; storage keeps its records with it, and the database
// and apikey plugins read those of others.
//
// Write statements with ? as the placeholder, whichever database it is. No call
// may be made on a DB inside a function given to [DB.Tx]: it could wait for a
// connection that the transaction holds.
package sqldb
