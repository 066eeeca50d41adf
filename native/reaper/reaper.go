// Package reaper starts processes and reaps every child of this one, orphans included, which is what a PID 1 owes.
//
// A process that uses it starts children by nothing else: os/exec would wait for a child that was reaped here.
package reaper

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Reaper reaps all children of this process. At most one lives in a process.
type Reaper struct {
	// mu is held while a child is started and while children are reaped: a child that ends at once is known before it
	// is reaped, and no signal is sent to the pid of one that has been.
	mu    sync.Mutex
	known map[int]*Process
}

// Process is a child started here.
type Process struct {
	Pid    int
	reaper *Reaper
	done   chan struct{}
	status syscall.WaitStatus
	usage  syscall.Rusage
}

// New begins to reap.
func New() *Reaper {
	r := &Reaper{known: make(map[int]*Process)}
	// One slot is enough: signals that fall together are one, and each makes us reap all there is.
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			r.reap()
		}
	}()
	return r
}

// Start runs a program, as syscall.StartProcess does: on the calling thread, whose no_new_privs and capability bounding
// set the child inherits. It returns once the program runs, or with the reason why it could not.
func (r *Reaper) Start(path string, argv []string, attr *syscall.ProcAttr) (*Process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, _, err := syscall.StartProcess(path, argv, attr)
	if err != nil {
		return nil, err
	}
	process := &Process{Pid: pid, reaper: r, done: make(chan struct{})}
	r.known[pid] = process
	return process, nil
}

func (r *Reaper) reap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status syscall.WaitStatus
		var usage syscall.Rusage
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, &usage)
		if err == syscall.EINTR {
			continue
		}
		// ECHILD: no child is left; 0: none of them has ended.
		if err != nil || pid <= 0 {
			return
		}
		if process, ok := r.known[pid]; ok {
			delete(r.known, pid)
			process.status, process.usage = status, usage
			close(process.done)
		}
	}
}

// Done is closed when the process has ended and been reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Status says how the process ended. Only after Done.
func (p *Process) Status() syscall.WaitStatus { return p.status }

// Usage is what the process and the children it waited for have used. Only after Done.
func (p *Process) Usage() syscall.Rusage { return p.usage }

// Signal sends a signal to the process alone. It is ESRCH when the process has ended.
func (p *Process) Signal(signal syscall.Signal) error { return p.signal(p.Pid, signal) }

// SignalGroup sends a signal to the process group that the process leads (started with Setsid or Setpgid). It is ESRCH
// when the process has ended.
func (p *Process) SignalGroup(signal syscall.Signal) error { return p.signal(-p.Pid, signal) }

func (p *Process) signal(pid int, signal syscall.Signal) error {
	p.reaper.mu.Lock()
	defer p.reaper.mu.Unlock()
	select {
	case <-p.done:
		return syscall.ESRCH
	default:
		return syscall.Kill(pid, signal)
	}
}
