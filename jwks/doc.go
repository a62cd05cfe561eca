// Package jwks is a key ring that rotates itself: it signs tokens, verifies
// them, and publishes the public keys as a JSON Web Key Set (RFC 7517).
//
// A key's life is written into its row when it is made, so that every replica
// knows from the row and its clock what the key is for:
//
//	announced   published, not yet signing: caches everywhere learn it
//	active      signs; there is exactly one of each algorithm
//	retired     published, no longer signing: its last tokens run out
//	revoked     ended by Ring.Revoke: its tokens are refused by that name
//	gone        removed
//
// Replicas share a [Store] and nothing else. Only making a key needs them to
// agree, by a compare-and-swap on the set. The promise kept by this, while
// clocks differ by at most [Config.Skew]: a token that lives no longer than
// [Config.Retain] is verified, until it expires, by every service whose cached
// key set is as old as its Cache-Control allowed.
//
// Private keys are sealed by a [Sealer], or held by a [Signer] elsewhere. HMAC
// secrets, for services that can do no better, are kept by [Secrets], apart from
// every Ring.
//
// The package owns keys and the outside of a token: header and signature.
// Claims are bytes to it, and clients, sessions and revocation are its callers'.
// Services that only verify use package jwks/verify.
package jwks
