// Package kept keeps runs over the end of a connection: their programs, their output until it is acknowledged, their ends.
package kept

import (
	"sync"
	"time"

	"vulcan/native/guest/fault"
	"vulcan/native/guest/program"
)

// Holder is who a run is told to: one session.
type Holder struct {
	// Close ends the session, when another takes the run.
	Close func()
}

// Runs are those that go on without a connection.
type Runs struct {
	// Abandoned is called when nobody took a run up again in its time, after it was killed.
	Abandoned func()
	// Log takes what went wrong without being anybody's answer.
	Log func(format string, args ...any)

	mu   sync.Mutex
	byID map[string]*Run
}

// Part says what is run, and how it is kept.
type Part struct {
	// ID of the run; its output is counted over all its parts.
	ID string
	// Tag names the part for who attaches: build or program.
	Tag string
	// Keep is how long the run may go on without a holder; 0: it ends with its session, and nothing is sent again.
	Keep  time.Duration
	Stdin bool
}

// Begin takes a program that was just started as the next part of its run. The holder is that of the run so far, if any.
func (rs *Runs) Begin(part Part, p *program.Run, h *Holder) *Run {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	run := rs.byID[part.ID]
	if run == nil {
		run = newRun(rs)
		if part.Keep > 0 {
			if rs.byID == nil {
				rs.byID = make(map[string]*Run)
			}
			rs.byID[part.ID] = run
		}
	}
	run.begin(part, p, h)
	return run
}

// Free says whether a part of the run with that id may begin for the holder, which holds this run or none. The error is
// a *fault.Error.
func (rs *Runs) Free(id string, held *Run, h *Holder) error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	run := rs.byID[id]
	switch {
	case run != nil && !run.heldIdleBy(h):
		return fault.New(fault.Busy, "exec", "the run %s goes on already", id)
	case run != held && held.kept():
		return fault.New(fault.BadRequest, "exec", "this session keeps another run")
	}
	return nil
}

// Attach makes the holder that of the run, behind what it has seen; the one before is closed. The error is a
// *fault.Error.
func (rs *Runs) Attach(id string, h *Holder, stdout, stderr int64) (*Run, Attached, error) {
	rs.mu.Lock()
	run := rs.byID[id]
	rs.mu.Unlock()
	if run == nil {
		return nil, Attached{}, fault.New(fault.NoRun, "attach", "there is no run %q", id)
	}
	attached, before, err := run.attach(h, count{stdout, stderr})
	if before != nil && before != h {
		before.Close()
	}
	return run, attached, err
}
