// Package verify is the other side of package jwks: it verifies, in a service
// that trusts an issuer, the access tokens (RFC 9068) that the issuer signs. It
// needs the issuer's URL and nothing else of it.
//
//	keys known, fresh     no request: a signature is checked in memory
//	keys older than told  the key set is asked for again, at most once at a time
//	kid unknown           likewise, but not more often than Config.Cooldown
//	issuer out of reach   the keys that are known go on to be used, for MaxStale
//	key removed           its tokens are refused from the next answer on
//
// It judges a token by itself: whether a session was ended meanwhile only the
// issuer knows, and tells at its introspection endpoint.
package verify
