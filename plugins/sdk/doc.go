// Package sdk is what the author of a claimsmith plugin imports.
//
// A plugin is a process that judges credentials. Its author writes an
// [Authenticator] and calls [Serve] in main; that is the whole of it. What
// else a plugin can do is discovered: [Configurer], [Refresher], [Lookuper],
// [Signer] and [Describer] are interfaces that it may implement.
//
// Kept for every plugin, so that no author needs to: an empty secret and a
// kind of credential that the plugin does not judge never reach it, a panic
// fails one call, ctx ends a little before the caller gives up, and what it
// logs with log/slog or prints to standard error comes out in the server's
// log. Prove the rest with package sdktest.
//
// [Client] and [NewServer] are the two ends of the wire, for hosts and tests.
// How the process is started and watched belongs to plugins/host; the protocol,
// for plugins in other languages, is plugin.proto beside this file.
package sdk
