package program

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"vulcan/native/reaper"
)

// timerSlack is that of a process whose parents have set none, in nanoseconds.
const timerSlack = 50_000

// launcher starts processes on one thread that has given up what its children must not have: no_new_privs, the
// capability bounding set and the timer slack belong to a thread and are inherited, and Go has no field for any of them
// in SysProcAttr.
type launcher struct {
	once sync.Once
	jobs chan func()
	err  error
}

func (l *launcher) start(r *reaper.Reaper, path string, argv []string, attr *syscall.ProcAttr) (*reaper.Process, error) {
	l.once.Do(l.open)
	if l.err != nil {
		return nil, l.err
	}
	var process *reaper.Process
	var err error
	done := make(chan struct{})
	l.jobs <- func() {
		defer close(done)
		process, err = startMortal(r, path, argv, attr)
	}
	<-done
	return process, err
}

func (l *launcher) open() {
	l.jobs = make(chan func())
	ready := make(chan error)
	go func() {
		// Never unlocked: no other goroutine may run on this thread. Go starts no thread from a locked one either.
		runtime.LockOSThread()
		ready <- giveUpPrivileges()
		for job := range l.jobs {
			job()
		}
	}()
	l.err = <-ready
}

func giveUpPrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	// The thread may be a child of the runtime's monitor, whose timers are late.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, timerSlack, 0, 0, 0); err != nil {
		return fmt.Errorf("timer slack: %w", err)
	}
	for capability := 0; ; capability++ {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(capability), 0, 0, 0)
		if err == unix.EINVAL { // the kernel knows no more
			return nil
		}
		if err == nil && has != 0 {
			err = unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(capability), 0, 0, 0)
		}
		if err != nil {
			return fmt.Errorf("dropping capability %d: %w", capability, err)
		}
	}
}

const oomScore = "/proc/self/oom_score_adj"

// startMortal starts a process that the kernel may kill for want of memory. The agent itself must not be, and a child
// inherits that: setting it back after the start would leave a moment in which grandchildren inherit it too.
func startMortal(r *reaper.Reaper, path string, argv []string, attr *syscall.ProcAttr) (*reaper.Process, error) {
	before, err := os.ReadFile(oomScore)
	if err != nil {
		return nil, err
	}
	if score := strings.TrimSpace(string(before)); score != "0" {
		if err := os.WriteFile(oomScore, []byte("0"), 0); err != nil {
			return nil, err
		}
		defer os.WriteFile(oomScore, []byte(score), 0)
	}
	return r.Start(path, argv, attr)
}
