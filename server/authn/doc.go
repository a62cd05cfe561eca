// Package authn decides which plugin answers for a credential, and how often
// anybody may try.
//
// Its parts are sdk.Authenticators around others, so they compose:
//
//	Even ──▶ Throttle ──▶ Chain ──▶ plugins
//
// Even makes all failures alike in time, Throttle slows down who guesses, and
// the Chain asks. Package authn knows no process, no HTTP, no database and no
// token; server/oauth calls it, cmd builds it.
package authn
