package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/guest/boot"
	"vulcan/native/guest/session"
	"vulcan/native/guest/socket"
	"vulcan/native/wire"
)

const (
	// modeFile says what kind of a broken guest this is.
	modeFile = "/mode"
	// agent is the real one, under another name than init.
	agent = "/agent"
	// rooted is where programs of the guest find root.
	rooted = "\x00rooted"
	// ownProc is not covered when the agent changes the root.
	ownProc = "/own-proc"

	sessionPort, readyPort = 1024, 1025
)

// beInit is PID 1 of a guest that is in other hands: either the agent's, with root beside it for whoever asks; or of an
// agent that says what it likes. It does not return.
func beInit() error {
	mode, err := os.ReadFile(modeFile)
	if err != nil {
		return err
	}
	switch string(mode) {
	case "rooted":
		return beRooted()
	case "nonsense in the first word":
		return speakAtReady(noise)
	case "silence in the first word":
		return speakAtReady(silence)
	case "noise in sessions":
		return speakInSessions(noise)
	case "half a frame in sessions":
		return speakInSessions(half)
	case "output that nobody asked for":
		return speakInSessions(unasked)
	case "yes to everything, and no end":
		return speakInSessions(agreeable)
	case "yes to everything, then chatter without end":
		return speakInSessions(talkative)
	}
	return fmt.Errorf("no such mode: %q", mode)
}

// beRooted goes on as the agent, and leaves a child behind.
func beRooted() error {
	if err := os.MkdirAll(ownProc, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("proc", ownProc, "proc", 0, ""); err != nil {
		return err
	}
	child := exec.Command(ownProc+"/self/exe", "serve-root")
	if err := child.Start(); err != nil {
		return err
	}
	return unix.Exec(agent, []string{"/init"}, os.Environ())
}

// serveRoot runs what each connection sends as a script of Python, as root of the guest with all capabilities, outside of
// every cgroup of the agent's, and answers with its output.
func serveRoot() error {
	listener, err := net.Listen("unix", rooted)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go answer(connection)
	}
}

func answer(connection net.Conn) {
	defer connection.Close()
	script, err := io.ReadAll(connection)
	if err != nil {
		return
	}
	python := exec.Command("/usr/bin/python3", "-")
	python.Stdin, python.Stdout, python.Stderr = bytes.NewReader(script), connection, connection
	python.Dir, python.Env = "/", []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	python.SysProcAttr = &syscall.SysProcAttr{Chroot: ownProc + "/1/root"}
	if err := python.Run(); err != nil {
		fmt.Fprintln(connection, err)
	}
}

// speech is what a broken agent has to say, until nobody listens.
type speech func(io.ReadWriter) error

func speakAtReady(say speech) error {
	if _, err := boot.Run(); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrVM{CID: socket.Host, Port: readyPort}); err != nil {
		return err
	}
	// It ends with an error, when the host has heard enough; the vm stays, for the host to end.
	_ = say(os.NewFile(uintptr(fd), "ready"))
	return silence(nil)
}

func speakInSessions(say speech) error {
	if _, err := boot.Run(); err != nil {
		return err
	}
	listener, err := socket.ListenVsock(sessionPort)
	if err != nil {
		return err
	}
	var word bytes.Buffer
	if err := wire.NewWriter(&word).Control(map[string]any{"op": "ready", "proto": session.Protocol, "uptime_us": 1}); err != nil {
		return err
	}
	if err := socket.Tell(readyPort, word.Bytes(), 10*time.Second); err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			hello := map[string]any{"op": "hello", "proto": session.Protocol, "version": "broken"}
			if err := wire.NewWriter(connection).Control(hello); err == nil {
				_ = say(connection)
			}
		}()
	}
}

func noise(to io.ReadWriter) error {
	_, err := io.Copy(to, rand.Reader)
	return err
}

// silence does not end. A select of nothing would: the runtime takes it for a deadlock, and init's end is the guest's.
func silence(io.ReadWriter) error {
	for {
		time.Sleep(time.Hour)
	}
}

// half is the beginning of a frame whose rest never comes.
func half(to io.ReadWriter) error {
	if _, err := to.Write(make([]byte, wire.HeaderBytes-4)); err != nil {
		return err
	}
	return silence(to)
}

// agreeable says that all is done that it is asked to do, and never that a program has ended.
func agreeable(to io.ReadWriter) error {
	return agree(to, func(*wire.Writer) error { return nil })
}

// talkative agrees, and once a program is to run it goes on to say nothing, in frames of nothing, as fast as they are taken.
func talkative(to io.ReadWriter) error {
	return agree(to, func(answers *wire.Writer) error {
		for {
			if err := answers.Control(map[string]any{}); err != nil {
				return err
			}
		}
	})
}

// agree does what is done behind the start of a program once that has been said.
func agree(to io.ReadWriter, behind func(*wire.Writer) error) error {
	requests, answers := wire.NewReader(to), wire.NewWriter(to)
	for {
		frame, err := requests.Next()
		if err != nil {
			return err
		}
		if frame.Type != wire.Control {
			continue
		}
		var request struct{ Op string }
		if err := json.Unmarshal(frame.Payload, &request); err != nil {
			return err
		}
		answer := map[string]any{"op": "ok", "bytes": 0}
		switch request.Op {
		case "kill", "ack":
			continue
		case "exec":
			answer = map[string]any{"op": "started", "pid": 2, "warm": false}
		}
		if err := answers.Control(answer); err != nil {
			return err
		}
		if request.Op != "exec" {
			continue
		}
		if err := behind(answers); err != nil {
			return err
		}
	}
}

func unasked(to io.ReadWriter) error {
	frames, piece := wire.NewWriter(to), make([]byte, 16<<10)
	for {
		if err := frames.Data(wire.Stdout, piece); err != nil {
			return err
		}
	}
}
