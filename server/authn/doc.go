// Package authn decides which plugin answers for a credential, and how often
// anybody may try.
//
// Its parts are sdk.Authenticators around others, so they compose:
//
//	Throttle ──▶ Even ──▶ Chain ──▶ plugins
//
// Throttle slows down who guesses, Even makes all failures alike in time, and
// the Chain asks. Package authn knows no process, no HTTP, no database and no
// token; server/oauth calls it, cmd builds it.
package authn
