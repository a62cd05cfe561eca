// Package apikey is the plugin that checks API keys: against a table of its own,
// in SQLite or PostgreSQL, or by asking a web service of the operator's, which
// knows keys that are kept elsewhere. docs/plugins.md says what it is asked.
//
// A key of ours is 64 characters, found by the regular expression
//
//	\bcsk_[0-9A-Za-z]{60}\b
//
// and made of
//
//	csk_ | id, 11 | secret, 43 | checksum, 6
//
// The id is the primary key of the key's row. The secret is 43 random base62
// characters, 256 bits. The checksum is the CRC-32 (IEEE) of all before it as a
// base62 number, digits before upper before lower case, so that a scanner for
// leaked secrets and a person who mistyped need ask nobody. The row holds the
// SHA-256 of the whole text; with so much randomness a slow hash adds nothing.
//
// Keys that another system made are known by their SHA-256 alone: [Keys.Import].
// They must not begin with csk_.
//
// [OpenKeys] is the way in for the command line, [New] makes the plugin.
// A revoked key of the table is refused within a second on every replica: rows
// are remembered for less than that. What a service said is remembered for as
// long as it is configured.
package apikey
