package apikey

// Checksum is for tests that forge keys.
var Checksum = checksum
