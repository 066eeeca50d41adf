package session

import (
	"math"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/guest/fault"
	"vulcan/native/guest/kept"
	"vulcan/native/guest/program"
	"vulcan/native/wire"
)

func (s *session) exec(payload []byte) error {
	var request execRequest
	if err := decode(payload, &request); err != nil {
		return s.refuse(err)
	}
	if s.stdinOpen {
		return s.refuse(fault.New(fault.BadRequest, "exec", "standard input of the program before has not been ended"))
	}
	if request.Uploaded && !s.uploaded {
		return s.refuse(fault.New(fault.WriteFailed, "exec", "what it needs was not uploaded"))
	}
	spec, part, err := request.parts()
	if err != nil {
		return s.refuse(err)
	}
	start := func() (*program.Run, error) { return s.env.Programs.Start(spec) }
	run, process, err := s.env.Runs.Begin(part, s.held, s.holder, start)
	if err != nil {
		return s.refuse(err)
	}
	s.hold(run, request.Stdin)
	return s.begun(started{Op: "started", Pid: process.Pid(), Warm: process.Warm, Cold: process.Cold})
}

// prepare starts an interpreter that waits for the next exec.
func (s *session) prepare(payload []byte) error {
	var request prepareRequest
	if err := decode(payload, &request); err != nil {
		return err
	}
	spec, err := specOf(request.words, request.limits)
	if err != nil {
		return err
	}
	return s.env.Programs.Prepare(spec, request.Wait)
}

func (r *execRequest) parts() (program.Spec, kept.Part, error) {
	bad := func(what string) (program.Spec, kept.Part, error) {
		return program.Spec{}, kept.Part{}, fault.New(fault.BadRequest, "exec", "%s", what)
	}
	switch {
	case r.ResultMax < 0:
		return bad("a limit is negative")
	case r.KeepMs < 0 || r.KeepMs > math.MaxInt64/int64(time.Millisecond):
		return bad("keep_ms is no time")
	case r.KeepMs > 0 && (r.Run == "" || (r.Tag != "build" && r.Tag != "program")):
		return bad("a run that is kept needs its id and a tag, build or program")
	}
	spec, err := specOf(r.words, r.limits)
	if err != nil {
		return spec, kept.Part{}, err
	}
	spec.Stdin, spec.Input, spec.ResultMax, spec.Rehearsal = r.Stdin, r.Input, r.ResultMax, r.Rehearsal
	keep := time.Duration(r.KeepMs) * time.Millisecond
	part := kept.Part{Tag: r.Tag, Keep: keep, Stdin: r.Stdin}
	if keep > 0 {
		part.ID = r.Run
	}
	return spec, part, nil
}

// attach takes a run over, wherever it stands.
func (s *session) attach(payload []byte) error {
	var request attach
	if err := decode(payload, &request); err != nil {
		return s.refuse(err)
	}
	if request.Run == "" {
		return s.refuse(fault.New(fault.BadRequest, "attach", "no run is named"))
	}
	if s.held != nil {
		return s.refuse(fault.New(fault.BadRequest, "attach", "this session has a run already"))
	}
	run, attached, err := s.env.Runs.Attach(request.Run, s.holder, request.Stdout, request.Stderr)
	if err != nil {
		return s.refuse(err)
	}
	s.hold(run, !attached.StdinEnded)
	return s.begun(attached)
}

// hold makes a run that of this session.
func (s *session) hold(run *kept.Run, stdin bool) {
	s.held, s.stdinOpen = run, stdin
	s.setRunning(run)
}

// begun answers that a program runs, and tells of it from then on.
func (s *session) begun(answer any) error {
	err := s.out.Control(answer)
	run := s.held
	s.tells.Go(func() { s.tell(run) })
	return err
}

// tell tells the host what a program writes and how it ends. A host that is gone is told nothing; the reading side ends
// the session.
func (s *session) tell(run *kept.Run) {
	buffer := make([]byte, kept.FrameBytes)
	for {
		told, more := run.Next(s.holder, buffer)
		if !more {
			return
		}
		if told.Exit != nil {
			// The session is free before the host can know it.
			s.setRunning(nil)
		}
		if s.send(told) != nil || told.Exit != nil {
			return
		}
	}
}

func (s *session) send(told kept.Told) error {
	switch {
	case told.Exit == nil && told.Data == nil:
		return s.out.End(told.Stream)
	case told.Exit == nil:
		return s.out.Data(told.Stream, told.Data)
	case told.Exit.Result == program.Sent:
		if err := s.out.Data(wire.Result, told.Result); err != nil {
			return err
		}
		if err := s.out.End(wire.Result); err != nil {
			return err
		}
	}
	return s.out.Control(told.Exit)
}

// acknowledge has no answer.
func (s *session) acknowledge(payload []byte) error {
	var request ack
	if err := decode(payload, &request); err != nil {
		return s.refuse(err)
	}
	if s.held != nil {
		s.held.Acknowledge(s.holder, request.Stdout, request.Stderr)
	}
	return nil
}

// kill has no answer. A program that has ended, or never ran, is as dead as it was asked to be.
func (s *session) kill(payload []byte) error {
	var request kill
	if err := decode(payload, &request); err != nil {
		return s.refuse(err)
	}
	signal := unix.SignalNum(request.Signal)
	if signal == 0 {
		return s.refuse(fault.New(fault.BadRequest, "kill", "there is no signal %q", request.Signal))
	}
	run := s.running()
	if run == nil {
		return nil
	}
	if err := run.Kill(s.holder, signal); err != nil {
		return s.refuse(fault.New(fault.Internal, "kill", "%s could not be sent: %w", request.Signal, err))
	}
	return nil
}
