//go:build unix

package docstest

import (
	"os/exec"
	"syscall"
)

// ownGroup makes a command the leader of a process group, as a shell does.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// interruptGroup sends what Ctrl-C sends.
func interruptGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
