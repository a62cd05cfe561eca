// Package floor holds the least that a machine can do for each path of the
// server: small programs that do the unavoidable work of the path and nothing
// else. What the server reaches of a floor is its ratio.
//
// Serve answers over HTTP as the path does; Loop does one step alone, from
// many goroutines. Both check what they get, as the server must, but keep no
// log, no metrics, no limits and no configuration. Nothing here is part of the
// product.
package floor
