// Package oauth owns the OAuth endpoints of one issuer: token, introspection,
// revocation, userinfo, and the metadata that describes them. It is the only
// importer of fosite, which serves the token endpoint alone.
//
// A token request goes one way:
//
//	HTTP form ──parse──▶ Request ──Exchange──▶ Token ──write──▶ JSON
//
// Exchange is the token endpoint without HTTP; a dialect calls it with a
// Request of its own making. Inside, it authenticates the client and lets
// fosite dispatch to one of our grants. A grant proves an identity: by the
// chain for a password or an API key, by a stored session for a refresh token,
// by the client itself for client credentials, by a token that is traded in, or
// by an assertion of a trusted issuer. What is proved then passes the same scope
// and audience rules, claims and keys.
//
// Access tokens are RFC 9068 JWTs and are not stored. A session is stored only
// when a refresh token is issued.
package oauth
