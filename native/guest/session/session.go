// Package session is one connection of the host: frames in, frames out. It knows the protocol
// (src/firecracker/PROTOCOL.md) and nothing of a vm; what it does there comes with the Environment.
package session

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"vulcan/native/guest/fault"
	"vulcan/native/guest/kept"
	"vulcan/native/guest/program"
	"vulcan/native/wire"
)

// Environment is what requests act on.
type Environment struct {
	Version  string
	Programs *program.Host
	// Runs are those that outlive a session.
	Runs *kept.Runs
	// Work is the folder that files are written below; SpoolDir takes files without a name.
	Work, SpoolDir string
	// Configure tells the vm who and where it is. Shutdown ends it and does not return where there is a vm.
	Configure func(Configuration) error
	Shutdown  func()
	// Log takes what went wrong without being anybody's answer.
	Log func(format string, args ...any)
}

// session is one connection. The reading goroutine does everything but to tell of a program that runs.
type session struct {
	env    *Environment
	in     *wire.Reader
	out    *wire.Writer
	holder *kept.Holder

	// held is the run of this session, also after its program has ended.
	held *kept.Run

	// stdinOpen: an exec asked for standard input, whose end has not come. uploadOpen: an upload is being dropped.
	// uploaded: the newest upload was taken.
	stdinOpen, uploadOpen, uploaded bool

	mu    sync.Mutex
	run   *kept.Run // while its program runs
	tells sync.WaitGroup
}

// Serve speaks with the host until it closes the connection, and leaves nothing running but a run that is to be kept.
// The error is nil when the host closed between frames.
func Serve(conn io.ReadWriteCloser, env *Environment) error {
	s := &session{env: env, in: wire.NewReader(conn), out: wire.NewWriter(conn)}
	s.holder = &kept.Holder{Close: func() { conn.Close() }}
	err := s.serve()
	// Closed first: whatever still writes fails, rather than wait for a host that reads no more.
	conn.Close()
	if s.held != nil {
		s.held.LetGo(s.holder)
	}
	s.tells.Wait()
	if err == io.EOF {
		return nil
	}
	return err
}

func (s *session) serve() error {
	if err := s.out.Control(hello{Op: "hello", Proto: Protocol, Version: s.env.Version}); err != nil {
		return err
	}
	for {
		frame, err := s.in.Next()
		if err != nil {
			return err
		}
		if frame.Type == wire.Control {
			err = s.control(frame.Payload)
		} else {
			err = s.stray(frame)
		}
		if err != nil {
			return err
		}
	}
}

// stray takes data and ends where no upload is due: standard input, or the rest of an upload that was refused.
func (s *session) stray(frame wire.Frame) error {
	var open *bool
	switch frame.Stream {
	case wire.Stdin:
		open = &s.stdinOpen
	case wire.Upload:
		open = &s.uploadOpen
	}
	if open == nil || !*open {
		return &wire.ProtocolError{Reason: fmt.Sprintf("stream %d is not open", frame.Stream)}
	}
	if frame.Type == wire.End {
		*open = false
	}
	run := s.running()
	if frame.Stream != wire.Stdin || run == nil {
		return nil
	}
	if frame.Type == wire.End {
		run.EndStdin(s.holder)
		return nil
	}
	return run.Stdin(s.holder, frame.Payload)
}

// control answers one request. Only an error of the connection is returned.
func (s *session) control(payload []byte) error {
	op, err := opOf(payload)
	if err != nil {
		return s.refuse(err)
	}
	switch op {
	case "ping":
		return s.answer(decode(payload, &ping{}))
	case "kill":
		return s.kill(payload)
	case "ack":
		return s.acknowledge(payload)
	}
	if s.running() != nil {
		if op == "write" || op == "unpack" {
			s.uploadOpen, s.uploaded = true, false
		}
		return s.refuse(fault.New(fault.Busy, op, "a program is running in this session"))
	}
	switch op {
	case "configure":
		return s.answer(s.configure(payload))
	case "write", "unpack":
		return s.upload(op, payload)
	case "prepare":
		return s.answer(s.prepare(payload))
	case "exec":
		return s.exec(payload)
	case "attach":
		return s.attach(payload)
	case "shutdown":
		if err := decode(payload, &shutdown{}); err != nil {
			return s.refuse(err)
		}
		// Ended even when the host does not hear that it will be.
		_ = s.answer(nil)
		s.env.Shutdown()
		return io.EOF
	default:
		return s.refuse(fault.New(fault.BadRequest, "request", "there is no request %q", op))
	}
}

func (s *session) configure(payload []byte) error {
	var request Configuration
	if err := decode(payload, &request); err != nil {
		return err
	}
	if err := s.env.Configure(request); err != nil {
		return fault.Of(err, fault.ConfigureFailed, "configure")
	}
	return nil
}

// answer says ok, or why not.
func (s *session) answer(err error) error {
	if err != nil {
		return s.refuse(err)
	}
	return s.out.Control(ok{Op: "ok"})
}

func (s *session) refuse(err error) error {
	var known *fault.Error
	if !errors.As(err, &known) {
		known = fault.New(fault.Internal, "request", "%w", err)
	}
	return s.out.Control(refusal{Op: "error", Code: known.Code, Step: known.Step, Message: known.Message})
}

func (s *session) running() *kept.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}

func (s *session) setRunning(run *kept.Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = run
}
