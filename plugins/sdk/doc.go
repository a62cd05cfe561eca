// Package sdk is what the author of a claimsmith plugin imports.
//
// A plugin is a process that judges credentials. Its author writes an
// [Authenticator] and calls [Serve] in main; the optional interfaces
// [Configurer], [Refresher], [Lookuper] and [Describer] are discovered. How
// the process is started, spoken to and watched belongs to plugins/host.
package sdk
