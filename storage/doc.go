// Package storage keeps what claimsmith itself must remember: clients, sessions
// with their refresh tokens, revocations, used assertions, signing keys, failures
// and events. It is a set of records on SQLite or PostgreSQL, with one text of SQL
// for both; sqldb opens them.
//
// It stores hashes and sealed keys as it is given them: it neither makes nor
// checks a secret, and what a session may do is its callers' business. Its part is
// that a record is written whole or not at all, that of several who change
// one thing at the same moment one wins and the others are told, and that each
// replica hears of changes (Watch).
//
// Times are kept to the millisecond and come back in UTC. Text that holds a NUL or
// is not UTF-8 is not stored (ErrInvalid), and nothing is found by it (ErrNotFound).
// Errors wrap the sentinels of this package; an error after the end of its
// context wraps that of the context.
package storage
