package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lastWords is for what a killed group has said to arrive: who went out of the group lives on, and may hold the pipes for as long.
const lastWords = time.Second

// command is one that runs, or is about to.
type command struct {
	asked request
	// mu is held while it is started and while it is killed.
	mu     sync.Mutex
	pid    int
	killed chan struct{}
}

func newCommand(asked request) *command {
	return &command{asked: asked, killed: make(chan struct{})}
}

// kill ends it and its process group; one that has not begun does not begin.
func (c *command) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isKilled() {
		close(c.killed)
	}
	if c.pid != 0 {
		// It may have gone by itself.
		_ = syscall.Kill(-c.pid, syscall.SIGKILL)
	}
}

func (c *command) isKilled() bool {
	return isClosed(c.killed)
}

// run returns when it has ended and all that it said is read.
func (c *command) run() answer {
	defer c.forget()
	if c.asked.Argv[0] == name {
		return c.ownAnswer()
	}
	if c.asked.Words != "" {
		words, err := os.OpenFile(c.asked.Words, os.O_APPEND|os.O_CREATE|os.O_WRONLY|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return c.failed(err)
		}
		defer words.Close()
		return c.between(words, words)
	}
	stdout, err := newCapture(stdoutKept)
	if err != nil {
		return c.failed(err)
	}
	stderr, err := newCapture(stderrKept)
	if err != nil {
		stdout.drop()
		return c.failed(err)
	}
	ended := c.between(stdout.in, stderr.in)
	ended.Stdout, ended.Stderr = stdout.text(c.killed), stderr.text(c.killed)
	ended.Cut = stdout.cut
	return ended
}

// forget makes a kill that comes later one of nobody: the number may be another's by then.
func (c *command) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pid = 0
}

// between runs it with these for its output, to its end.
func (c *command) between(stdout, stderr *os.File) answer {
	path, err := find(c.asked.Argv[0], c.asked.Env)
	if err != nil {
		return c.failed(err)
	}
	process := exec.Cmd{
		Path: path, Args: c.asked.Argv, Env: c.asked.Env, Stdout: stdout, Stderr: stderr,
		// A session of its own: a signal to our group is none of its, and it is killed with all that it starts.
		// Where we are lost it is killed too: what follows a loss must not meet it at its work.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
		// Who has left the group may hold its input unread.
		WaitDelay: lastWords,
	}
	if c.asked.Input != "" {
		process.Stdin = strings.NewReader(c.asked.Input)
	}
	if err := c.start(&process); err != nil {
		return c.failed(err)
	}
	// How it ended is in its state; that it did not read its input is its own affair.
	_ = process.Wait()
	ended := answer{ID: c.asked.ID}
	if status, ok := process.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		ended.Signal = int(status.Signal())
	} else {
		code := process.ProcessState.ExitCode()
		ended.Code = &code
	}
	return ended
}

func (c *command) start(process *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isKilled() {
		return syscall.ECANCELED
	}
	if err := process.Start(); err != nil {
		return err
	}
	c.pid = process.Process.Pid
	return nil
}

func (c *command) failed(err error) answer {
	why := failure{Message: err.Error()}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		why.Code = unix.ErrnoName(errno)
	}
	return answer{ID: c.asked.ID, Failure: &why}
}

// find looks for a command where its environment says, in the system's folders where that says nothing, as execvp does.
func find(name string, env []string) (string, error) {
	if strings.ContainsRune(name, '/') {
		return name, nil
	}
	folders := os.Getenv("PATH")
	if env != nil {
		folders = "/bin:/usr/bin"
	}
	for _, each := range env {
		if value, ok := strings.CutPrefix(each, "PATH="); ok {
			folders = value
		}
	}
	for _, folder := range filepath.SplitList(folders) {
		path := filepath.Join(folder, name)
		if unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
	}
	return "", &os.PathError{Op: "looking for", Path: name, Err: syscall.ENOENT}
}

// How much of each stream is kept, in bytes: the end, since errors come last. What a command lists is of no use in part; nft
// lists some seventy kilobytes for a vm whose names opened as many addresses as they may.
const (
	stdoutKept = 64 << 20
	stderrKept = 4 << 20
)

// capture reads what a command says.
type capture struct {
	in, out *os.File
	kept    int
	read    chan []byte
	// cut is set, before read, where more was said.
	cut bool
}

func newCapture(kept int) (*capture, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c := &capture{in: in, out: out, kept: kept, read: make(chan []byte, 1)}
	go func() {
		var all []byte
		buffer := make([]byte, 64<<10)
		for {
			n, err := out.Read(buffer)
			all = append(all, buffer[:n]...)
			c.cut = c.cut || len(all) > kept
			if len(all) > 2*kept {
				all = append([]byte(nil), all[len(all)-kept:]...)
			}
			if err != nil {
				break
			}
		}
		c.read <- all[max(0, len(all)-kept):]
	}()
	return c, nil
}

// text is all that was said, once nobody can say more; of one that was killed, what has come a moment after.
func (c *capture) text(killed <-chan struct{}) string {
	defer c.out.Close()
	c.in.Close()
	select {
	case all := <-c.read:
		return string(all)
	case <-killed:
	}
	// A read that waits ends by this.
	_ = c.out.SetReadDeadline(time.Now().Add(lastWords))
	return string(<-c.read)
}

func (c *capture) drop() {
	c.in.Close()
	c.out.Close()
}
