// Package rig sets up what is measured: the real program with a real
// configuration, over real servers, and the floors beside it, each a process
// of its own. Everything ends with the Rig, also when the runner is killed.
//
// The servers are those of internal/servertest, which hands them to tests; a
// Rig is enough of a testing.TB to be given them.
package rig
