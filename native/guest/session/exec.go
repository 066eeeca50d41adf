package session

import (
	"golang.org/x/sys/unix"

	"vulcan/native/guest/fault"
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
	spec, err := request.spec()
	if err != nil {
		return s.refuse(err)
	}
	run, err := s.env.Programs.Start(spec)
	if err != nil {
		return s.refuse(err)
	}
	s.stdinOpen = request.Stdin
	s.setRunning(run)
	err = s.out.Control(started{Op: "started", Pid: run.Pid()})
	// Followed also when the host has gone, so that the program is killed and its traces removed.
	s.follows.Go(func() { s.follow(run) })
	return err
}

func (r *execRequest) spec() (program.Spec, error) {
	bad := func(what string) (program.Spec, error) {
		return program.Spec{}, fault.New(fault.BadRequest, "exec", "%s", what)
	}
	switch {
	case r.MemoryBytes < 0 || r.Pids < 0 || r.CPUQuotaUs < 0 || r.CPUPeriodUs < 0 || r.ResultMax < 0:
		return bad("a limit is negative")
	case r.CPUQuotaUs > 0 && r.CPUPeriodUs == 0:
		return bad("a cpu quota needs a period")
	}
	return program.Spec{
		Argv: r.Argv, Env: r.Env, Cwd: r.Cwd,
		Memory: r.MemoryBytes, Pids: r.Pids, CPUQuota: r.CPUQuotaUs, CPUPeriod: r.CPUPeriodUs,
		Stdin: r.Stdin, Input: r.Input, ResultMax: r.ResultMax,
	}, nil
}

// follow tells the host how the program ended. The session is free before the host can know that.
func (s *session) follow(run *program.Run) {
	exit, result, err := run.Follow(s.out)
	if err != nil {
		s.env.Log("after program %d: %v", run.Pid(), err)
	}
	s.setRunning(nil)
	if exit.Result == program.Sent {
		err = s.out.Data(wire.Result, result)
		if err == nil {
			err = s.out.End(wire.Result)
		}
	}
	// A host that is gone is told nothing; the reading side ends the session.
	if err == nil {
		_ = s.out.Control(exit)
	}
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
	if err := run.Kill(signal); err != nil {
		return s.refuse(fault.New(fault.Internal, "kill", "%s could not be sent: %w", request.Signal, err))
	}
	return nil
}
