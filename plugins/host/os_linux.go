package host

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// thisProgram names the running program, even when its file was replaced or removed.
func thisProgram() (string, error) { return "/proc/self/exe", nil }

// attributes gives a process its own group and user, and lets the kernel kill
// it when the thread that started it ends.
func attributes(u *User) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if u != nil {
		a.Credential = &syscall.Credential{Uid: u.UID, Gid: u.GID}
	}
	return a
}

// executeOpen makes cmd execute the open file itself, whatever its path names by then.
func executeOpen(cmd *exec.Cmd, f *os.File) {
	cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	cmd.Path = "/proc/self/fd/" + strconv.Itoa(2+len(cmd.ExtraFiles))
}

// changed is when a file was last changed in any way, which its owner cannot set.
func changed(info os.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ctim.Nano()
	}
	return 0
}

// awaitExit waits until a child has ended and leaves it to be reaped, so that
// its process group cannot be another's yet.
func awaitExit(pid int) {
	for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
}
