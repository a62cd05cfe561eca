package rig

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Memory is what a process holds in memory, in megabytes.
type Memory struct {
	Name string // of a plugin; "server" for the server
	Now  float64
	Own  float64 // of Now, without the pages of files, which processes of one program share
	Part float64 // of Now, with each page divided by how many processes map it
	Peak float64 // since it started
}

// MemoryOf reads the memory of a process and of its children. Linux tells it.
func MemoryOf(pid int) ([]Memory, error) {
	own, err := memory("server", pid)
	if err != nil {
		return nil, err
	}
	all := []Memory{own}
	for _, child := range children(pid) {
		if m, err := memory(NameOf(child), child); err == nil {
			all = append(all, m)
		}
	}
	return all, nil
}

// children are the processes that a process has started and that live.
func children(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// NameOf calls a process of the program by what it does: server, or plugin NAME.
func NameOf(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	args := bytes.Split(bytes.TrimRight(text, "\x00"), []byte{0})
	if len(args) > 1 && string(args[1]) == "serve" {
		return "server"
	}
	return "plugin " + string(args[len(args)-1])
}

func memory(name string, pid int) (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, fmt.Errorf("read memory: %w", err)
	}
	// Only who may trace a process reads this one; we have started it.
	rollup, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	m := Memory{Name: name}
	for line := range strings.Lines(string(text) + string(rollup)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kb, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "VmRSS:":
			m.Now = kb / 1024
		case "Pss:":
			m.Part = kb / 1024
		case "RssAnon:":
			m.Own = kb / 1024
		case "VmHWM:":
			m.Peak = kb / 1024
		}
	}
	return m, nil
}
