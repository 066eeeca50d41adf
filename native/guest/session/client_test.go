package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/guest/program"
	"vulcan/native/reaper"
	"vulcan/native/wire"
)

// shared, because a second reaper in this process would take the first one's children.
var shared = reaper.New()

const patience = 30 * time.Second

// client is a host, at the other end of a socket pair.
type client struct {
	t    *testing.T
	conn *os.File
	in   *wire.Reader
	out  *wire.Writer
	root string
	// served is closed when the session has ended, with err set.
	served chan struct{}
	err    error
	mu     sync.Mutex
	logged []string
}

type answer map[string]any

func dial(t *testing.T) *client {
	t.Helper()
	root := t.TempDir()
	// The program's user must reach its folders, and TempDir's parent is for root alone.
	for _, dir := range []string{root, filepath.Dir(root)} {
		check(t, os.Chmod(dir, 0o755))
	}
	for _, dir := range []string{"work", "run", "spool"} {
		check(t, os.Mkdir(filepath.Join(root, dir), 0o755))
	}
	check(t, os.Chown(filepath.Join(root, "work"), 1000, 1000))
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	check(t, err)
	theirs := os.NewFile(uintptr(ends[1]), "guest")
	c := &client{t: t, conn: os.NewFile(uintptr(ends[0]), "host"), root: root, served: make(chan struct{})}
	c.in, c.out = wire.NewReader(c.conn), wire.NewWriter(c.conn)
	check(t, c.conn.SetDeadline(time.Now().Add(patience)))
	env := &Environment{
		Version: "test",
		Programs: &program.Host{
			Reaper: shared, UID: 1000, GID: 1000, Drop: true,
			RunDir: filepath.Join(root, "run"), SpoolDir: filepath.Join(root, "spool"), Disk: root,
		},
		Work: filepath.Join(root, "work"), SpoolDir: filepath.Join(root, "spool"),
		Configure: func(c Configuration) error {
			if c.Hostname == "bad" {
				return errors.New("no such name")
			}
			return nil
		},
		Shutdown: func() {},
		Log: func(format string, args ...any) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.logged = append(c.logged, fmt.Sprintf(format, args...))
		},
	}
	go func() {
		c.err = Serve(theirs, env)
		close(c.served)
	}()
	t.Cleanup(c.finish)
	if hello := c.message(); hello["op"] != "hello" || hello["proto"] != 1.0 {
		t.Fatalf("the first message is %v", hello)
	}
	return c
}

// finish closes the connection and checks that the session leaves nothing: no program, no folder, no spool.
func (c *client) finish() {
	c.conn.Close()
	select {
	case <-c.served:
	case <-time.After(patience):
		c.t.Error("the session did not end with its connection")
	}
	for _, dir := range []string{"run", "spool"} {
		entries, err := os.ReadDir(filepath.Join(c.root, dir))
		if err != nil || len(entries) > 0 {
			c.t.Errorf("%s is left with %v (%v)", dir, entries, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.logged {
		c.t.Errorf("logged: %s", line)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *client) send(message any) {
	c.t.Helper()
	check(c.t, c.out.Control(message))
}

func (c *client) frame() wire.Frame {
	c.t.Helper()
	frame, err := c.in.Next()
	if err != nil {
		c.t.Fatalf("a frame was due: %v", err)
	}
	return frame
}

func (c *client) message() answer {
	c.t.Helper()
	frame := c.frame()
	if frame.Type != wire.Control {
		c.t.Fatalf("control was due, not type %d on stream %d", frame.Type, frame.Stream)
	}
	var message answer
	check(c.t, json.Unmarshal(frame.Payload, &message))
	return message
}

func (c *client) ask(message any) answer {
	c.t.Helper()
	c.send(message)
	return c.message()
}

func (c *client) expectOk(message answer) {
	c.t.Helper()
	if message["op"] != "ok" {
		c.t.Fatalf("got %v, want ok", message)
	}
}

func (c *client) expectError(message answer, code string) {
	c.t.Helper()
	if message["op"] != "error" || message["code"] != code || message["message"] == "" || message["step"] == "" {
		c.t.Fatalf("got %v, want an error %s with step and message", message, code)
	}
}

// exec starts a shell script, with more fields of the request where given.
func (c *client) exec(script string, more answer) {
	c.t.Helper()
	request := answer{
		"op": "exec", "argv": []string{"sh", "-c", script}, "env": map[string]string{}, "cwd": filepath.Join(c.root, "work"),
		"memory_bytes": 0, "pids": 0, "cpu_quota_us": 0, "cpu_period_us": 100000, "stdin": false, "result_max_bytes": 1 << 20,
	}
	for key, value := range more {
		request[key] = value
	}
	if message := c.ask(request); message["op"] != "started" || message["pid"].(float64) <= 1 {
		c.t.Fatalf("got %v, want started", message)
	}
}

type ended struct {
	exit           answer
	streams        map[uint32]string
	ends           map[uint32]bool
	stdout, stderr string
	result         string
}

// follow reads to the exit.
func (c *client) follow() ended {
	c.t.Helper()
	e := ended{streams: map[uint32]string{}, ends: map[uint32]bool{}}
	for {
		frame := c.frame()
		switch frame.Type {
		case wire.Control:
			check(c.t, json.Unmarshal(frame.Payload, &e.exit))
			if e.exit["op"] != "exit" {
				c.t.Fatalf("got %v, want exit", e.exit)
			}
			if !e.ends[wire.Stdout] || !e.ends[wire.Stderr] {
				c.t.Error("the exit came before the ends of stdout and stderr")
			}
			e.stdout, e.stderr, e.result = e.streams[wire.Stdout], e.streams[wire.Stderr], e.streams[wire.Result]
			return e
		case wire.End:
			e.ends[frame.Stream] = true
		default:
			if e.ends[frame.Stream] {
				c.t.Errorf("data on stream %d after its end", frame.Stream)
			}
			e.streams[frame.Stream] += string(frame.Payload)
		}
	}
}

func (c *client) run(script string, more answer) ended {
	c.t.Helper()
	c.exec(script, more)
	return c.follow()
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
