// Package host runs a plugin as a process and asks it.
//
// It owns the process: what is executed and with what rights, the handshake,
// its configuration, its health, its log, its end and its successor.
//
//	New ─▶ starting ─▶ serving ─▶ stopping ─▶ stopped
//	          ▲  │         │
//	          │  ▼         │ dies, hangs
//	         waiting ◀─────┘
//
// A call goes to the process that serves now, once. One that had reached a
// process that dies fails as unavailable and is not repeated: it may be what
// killed it. One that comes while nothing serves waits a moment for the
// successor. Upgrade swaps a new process in and lets the old one finish. A
// process that hangs is killed; one whose failures are slow is spared by a
// breaker. Status and CallStats tell how it goes.
//
// Which plugin is asked for a credential is not decided here but in
// server/authn; what a plugin answers is judged in plugins/sdk.
package host
