// Package dialect serves vendors' login APIs, each described by one YAML file,
// so that their clients log in unchanged.
//
//	HTTP ──fields──▶ Login ──Backend──▶ identity ──claims──▶ token ──answers──▶ HTTP
//
// A [Dialect] is such a file, compiled and checked by [Load]. An [API] is a
// dialect in use: bound to a client of an issuer, with keys, options and a
// place on the server. It owns the spelling alone: how a request is read, what a
// token and an answer look like. Who may log in, with which scopes and for how
// long, and what is revoked, is the Backend's, which server makes of oauth's
// token endpoint.
//
// No vendor is known to the Go code. The files in vendors/ are dialects like
// any other; docs/dialects.md tells how to write one.
package dialect
