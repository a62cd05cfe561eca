//go:build !linux

package rig

import "syscall"

func orphanage() *syscall.SysProcAttr { return nil }
