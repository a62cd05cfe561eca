package rig

import (
	"runtime"
	"syscall"
)

// The kernel ends a child when the thread that started it ends, and the main
// thread lives as long as the program: the main goroutine stays on it, and
// starts every process.
func init() { runtime.LockOSThread() }

func orphanage() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
