// Package load drives a server over HTTP with wrk and tells what it reached:
// rates, latencies and, before all, errors. A run with an error counts for
// nothing. What it is compared with belongs to package main of bench.
package load
