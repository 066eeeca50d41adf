package session

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"vulcan/native/wire"
)

const patience = 5 * time.Minute

// client is a host, at the other end of a socket pair.
type client struct {
	*guest
	conn *os.File
	in   *wire.Reader
	out  *wire.Writer
	// served is closed when the session has ended, with err set.
	served chan struct{}
	err    error
	// acks is set where what follow reads is acknowledged, but for stdout where that is held; stdout and stderr are bytes
	// read.
	acks, holdStdout bool
	stdout, stderr   int64
}

type answer map[string]any

func dial(t *testing.T) *client {
	t.Helper()
	return newGuest(t).dial()
}

// close closes the connection and waits for the end of the session.
func (c *client) close() {
	c.conn.Close()
	select {
	case <-c.served:
	case <-time.After(patience):
		c.t.Error("the session did not end with its connection")
	}
}

// finish closes the connection and checks that the session leaves nothing.
func (c *client) finish() {
	c.close()
	c.checkEmpty()
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
	c.start(script, more)
}

// start is exec, for whoever wants its answer.
func (c *client) start(script string, more answer) answer {
	c.t.Helper()
	request := answer{
		"op": "exec", "argv": []string{"sh", "-c", script}, "env": map[string]string{}, "cwd": filepath.Join(c.root, "work"),
		"memory_bytes": 0, "pids": 0, "cpu_quota_us": 0, "cpu_period_us": 100000, "stdin": false, "result_max_bytes": 1 << 20,
	}
	for key, value := range more {
		request[key] = value
	}
	message := c.ask(request)
	if message["op"] != "started" || message["pid"].(float64) <= 1 {
		c.t.Fatalf("got %v, want started", message)
	}
	return message
}

// sendStdin sends standard input and its end.
func (c *client) sendStdin(text string) {
	c.t.Helper()
	check(c.t, c.out.Data(wire.Stdin, []byte(text)))
	check(c.t, c.out.End(wire.Stdin))
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
			c.acknowledge(frame)
		}
	}
}

func (c *client) acknowledge(frame wire.Frame) {
	switch frame.Stream {
	case wire.Stdout:
		c.stdout += int64(len(frame.Payload))
	case wire.Stderr:
		c.stderr += int64(len(frame.Payload))
	}
	switch {
	case c.holdStdout:
		c.send(answer{"op": "ack", "stdout": 0, "stderr": c.stderr})
	case c.acks:
		c.send(answer{"op": "ack", "stdout": c.stdout, "stderr": c.stderr})
	}
}

func (c *client) run(script string, more answer) ended {
	c.t.Helper()
	c.exec(script, more)
	return c.follow()
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
