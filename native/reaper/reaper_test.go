package reaper

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shared, because a second reaper in this process would take the first one's children.
var shared = New()

func start(t *testing.T, script string) *Process {
	t.Helper()
	process, err := shared.Start("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return process
}

func wait(t *testing.T, process *Process) syscall.WaitStatus {
	t.Helper()
	select {
	case <-process.Done():
		return process.Status()
	case <-time.After(20 * time.Second):
		t.Fatalf("process %d was not reaped", process.Pid)
		panic("unreachable")
	}
}

func TestExitCodeAndSignal(t *testing.T) {
	if status := wait(t, start(t, "exit 7")); !status.Exited() || status.ExitStatus() != 7 {
		t.Errorf("exit 7 became %#x", status)
	}
	if status := wait(t, start(t, "kill -SEGV $$")); !status.Signaled() || status.Signal() != syscall.SIGSEGV {
		t.Errorf("SIGSEGV became %#x", status)
	}
}

func TestManyAtOnceAreEachReapedOnce(t *testing.T) {
	processes := make([]*Process, 50)
	for i := range processes {
		processes[i] = start(t, "exit "+string(rune('0'+i%10)))
	}
	for i, process := range processes {
		if status := wait(t, process); status.ExitStatus() != i%10 {
			t.Errorf("process %d exited with %d, not %d", i, status.ExitStatus(), i%10)
		}
	}
}

func TestAProgramThatCannotStartSaysWhy(t *testing.T) {
	_, err := shared.Start("/nonexistent", []string{"nonexistent"}, &syscall.ProcAttr{})
	if err != syscall.ENOENT {
		t.Errorf("got %v, want ENOENT", err)
	}
}

func TestSignalsReachTheLivingOnly(t *testing.T) {
	process := start(t, "exec sleep 100")
	if err := process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := wait(t, process); status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %#x", status)
	}
	if err := process.Signal(syscall.SIGKILL); err != syscall.ESRCH {
		t.Errorf("a signal to the dead gave %v", err)
	}
	if err := process.SignalGroup(syscall.SIGKILL); err != syscall.ESRCH {
		t.Errorf("a signal to the group of the dead gave %v", err)
	}
}

// An orphan falls to its nearest subreaper, as it falls to PID 1 in a vm. That it was reaped shows in /proc: a zombie
// would still be there.
func TestOrphansAreReaped(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	process, err := shared.Start("/bin/sh", []string{"sh", "-c", "(echo orphan; exec sleep 0.2) & exit 0"}, &syscall.ProcAttr{
		Files: []uintptr{0, write.Fd(), 2}, Env: os.Environ(),
	})
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	wait(t, process)
	// The pipe ends when the orphan has ended.
	buffer := make([]byte, 64)
	for n := 1; n > 0; n, _ = read.Read(buffer) {
	}
	// WNOWAIT takes nothing from the reaper: it returns at once while there is a zombie, and waits while there is none.
	for deadline := time.Now().Add(20 * time.Second); ; runtime.Gosched() {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == unix.ECHILD {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the orphan is still a child of ours")
		}
	}
}
