package inside

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/reaper"
	"vulcan/native/wire"
)

// One a process: it reaps every child of the test.
var reap = sync.OnceValue(reaper.New)

// host is the other end of a session: a socket pair in the place of the virtio-serial port.
type host struct {
	t      *testing.T
	file   *os.File
	reader *wire.Reader
	writer *wire.Writer
	ended  chan struct{}
}

func startSession(t *testing.T) *host {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &port{file: os.NewFile(uintptr(fds[0]), "port")}
	h := &host{t: t, file: os.NewFile(uintptr(fds[1]), "host"), ended: make(chan struct{})}
	h.file.SetDeadline(time.Now().Add(20 * time.Second))
	h.reader, h.writer = wire.NewReader(h.file), wire.NewWriter(h.file)
	go func() {
		defer close(h.ended)
		session := &execSession{port: p, reader: wire.NewReader(p), writer: wire.NewWriter(p), reap: reap()}
		for opened := session.run(""); opened != ""; {
			p.resume()
			session.next = ""
			opened = session.run(opened)
		}
		p.file.Close()
	}()
	t.Cleanup(func() { h.leave() })
	h.open("first")
	return h
}

func (h *host) open(id string) {
	h.t.Helper()
	h.writer.Control(message{"op": "open", "id": id})
	if hello := h.control(); hello["op"] != "hello" || hello["id"] != id {
		h.t.Fatalf("hello %v", hello)
	}
}

func (h *host) leave() {
	h.file.Close()
	select {
	case <-h.ended:
	case <-time.After(10 * time.Second):
		h.t.Error("the session went on without its host")
	}
}

// next reads one frame; its payload is the reader's.
func (h *host) next() wire.Frame {
	h.t.Helper()
	frame, err := h.reader.Next()
	if err != nil {
		h.t.Fatal(err)
	}
	return frame
}

func (h *host) control() (m message) {
	h.t.Helper()
	if err := json.Unmarshal(h.next().Payload, &m); err != nil {
		h.t.Fatal(err)
	}
	return m
}

func (h *host) exec(tty *terminalSize, argv ...string) int {
	h.t.Helper()
	h.writer.Control(message{"op": "exec", "argv": argv, "env": map[string]string{"X": "y"}, "cwd": "/", "tty": tty})
	started := h.control()
	if started["op"] != "started" {
		h.t.Fatalf("%v was not started: %v", argv, started)
	}
	return int(started["pid"].(float64))
}

// rest reads to the exit.
func (h *host) rest() (stdout, stderr string, exit message) {
	h.t.Helper()
	var streams [4]bytes.Buffer
	for {
		frame := h.next()
		switch frame.Type {
		case wire.Data:
			streams[frame.Stream].Write(frame.Payload)
		case wire.Control:
			if err := json.Unmarshal(frame.Payload, &exit); err != nil {
				h.t.Fatal(err)
			}
			return streams[wire.Stdout].String(), streams[wire.Stderr].String(), exit
		}
	}
}

func TestAProgramsStreamsAndStatusComeApart(t *testing.T) {
	h := startSession(t)
	h.exec(nil, "sh", "-c", "echo out $X; echo err >&2; exit 3")
	stdout, stderr, exit := h.rest()
	if stdout != "out y\n" || stderr != "err\n" || exit["op"] != "exit" || exit["code"] != 3.0 || exit["signal"] != nil {
		t.Errorf("%q %q %v", stdout, stderr, exit)
	}
}

func TestInputReachesTheProgramAndEnds(t *testing.T) {
	h := startSession(t)
	h.exec(nil, "cat")
	sent := strings.Repeat("0123456789abcdef", 64<<10)
	go func() {
		h.writer.Data(wire.Stdin, []byte(sent))
		h.writer.End(wire.Stdin)
	}()
	stdout, _, exit := h.rest()
	if stdout != sent || exit["code"] != 0.0 {
		t.Errorf("%d bytes of %d came back, %v", len(stdout), len(sent), exit)
	}
}

func TestATerminalHasASizeAndFollowsIt(t *testing.T) {
	h := startSession(t)
	h.exec(&terminalSize{Rows: 11, Cols: 22, Term: "vt100"}, "sh", "-c", "stty size; echo $TERM; read line; stty size")
	before := ""
	for !strings.HasSuffix(before, "vt100\r\n") {
		before += string(h.next().Payload)
	}
	h.writer.Control(message{"op": "resize", "rows": 33, "cols": 44})
	h.writer.Data(wire.Stdin, []byte("go\n"))
	after, _, exit := h.rest()
	if before != "11 22\r\nvt100\r\n" || after != "go\r\n33 44\r\n" || exit["code"] != 0.0 {
		t.Errorf("%q, then %q, %v", before, after, exit)
	}
}

func TestASignalReachesTheProgramAndIsToldByName(t *testing.T) {
	h := startSession(t)
	h.exec(nil, "sleep", "1000")
	h.writer.Control(message{"op": "kill", "signal": "SIGTERM"})
	if _, _, exit := h.rest(); exit["signal"] != "SIGTERM" || exit["code"] != nil {
		t.Errorf("%v", exit)
	}
}

func TestAProgramThatCannotBeStartedIsAnError(t *testing.T) {
	h := startSession(t)
	for _, argv := range [][]string{{"no-such-program"}, {"/etc/passwd"}, {}} {
		h.writer.Control(message{"op": "exec", "argv": argv})
		if answer := h.control(); answer["op"] != "error" || answer["code"] != "exec_failed" {
			t.Errorf("%v: %v", argv, answer)
		}
	}
	h.exec(nil, "true")
	if _, _, exit := h.rest(); exit["code"] != 0.0 {
		t.Errorf("and then: %v", exit)
	}
}

func TestTheHostsLeavingKillsTheProgram(t *testing.T) {
	for name, argv := range map[string][]string{"idle": {"sleep", "1000"}, "chatty": {"yes"}} {
		t.Run(name, func(t *testing.T) {
			h := startSession(t)
			pid := h.exec(nil, argv...)
			h.leave()
			if err := unix.Kill(pid, 0); err != unix.ESRCH {
				t.Errorf("pid %d: %v", pid, err)
			}
		})
	}
}

func TestTheHostsLeavingIsSeenWhileTheProgramReadsNoInput(t *testing.T) {
	h := startSession(t)
	pid := h.exec(nil, "sleep", "1000")
	h.writer.Data(wire.Stdin, make([]byte, 256<<10))
	h.leave()
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		t.Errorf("pid %d: %v", pid, err)
	}
}

func TestWhatAProgramLeavesBehindDoesNotKeepTheSessionOpen(t *testing.T) {
	h := startSession(t)
	h.exec(nil, "sh", "-c", "sleep 30 & echo $!")
	stdout, _, exit := h.rest()
	if exit["code"] != 0.0 {
		t.Errorf("%v", exit)
	}
	var pid int
	fmt.Sscan(stdout, &pid)
	unix.Kill(pid, unix.SIGKILL)
}

func TestTheNextHostEndsTheLastOnesSession(t *testing.T) {
	h := startSession(t)
	pid := h.exec(nil, "sleep", "1000")
	h.open("second")
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		t.Errorf("pid %d: %v", pid, err)
	}
	h.exec(nil, "echo", "next")
	if stdout, _, exit := h.rest(); stdout != "next\n" || exit["code"] != 0.0 {
		t.Errorf("%q %v", stdout, exit)
	}
}
