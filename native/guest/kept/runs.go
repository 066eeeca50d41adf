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
	// barred are runs that somebody wanted to attach to and that were not there: they do not begin any more.
	barred map[string]bool
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

// Begin starts a program as the next part of its run, for a holder that holds this run or none. One lock for this and
// Attach: whoever attaches finds a program that was asked for before either running or never to run. The error is a
// *fault.Error.
func (rs *Runs) Begin(part Part, held *Run, h *Holder, start func() (*program.Run, error)) (*Run, *program.Run, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	run := rs.byID[part.ID]
	switch {
	case rs.barred[part.ID]:
		return nil, nil, fault.New(fault.NoRun, "exec", "the run %s was asked for before it began, and is given up", part.ID)
	case run != nil && !run.heldIdleBy(h):
		return nil, nil, fault.New(fault.Busy, "exec", "the run %s goes on already", part.ID)
	case run != held && held.kept():
		return nil, nil, fault.New(fault.BadRequest, "exec", "this session keeps another run")
	}
	p, err := start()
	if err != nil {
		return nil, nil, err
	}
	if run == nil {
		run = newRun(rs)
		if part.Keep > 0 {
			rs.byID = put(rs.byID, part.ID, run)
		}
	}
	run.begin(part, p, h)
	return run, p, nil
}

// Attach makes the holder that of the run, behind what it has seen; the one before is closed. The error is a
// *fault.Error.
func (rs *Runs) Attach(id string, h *Holder, stdout, stderr int64) (*Run, Attached, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	run := rs.byID[id]
	if run == nil {
		// Its exec may still be on the way, from a host that has died: who asks now was told that it never ran.
		rs.barred = put(rs.barred, id, true)
		return nil, Attached{}, fault.New(fault.NoRun, "attach", "there is no run %q", id)
	}
	attached, before, err := run.attach(h, count{stdout, stderr})
	if before != nil && before != h {
		before.Close()
	}
	return run, attached, err
}

// put makes the map where there is none yet.
func put[V any](in map[string]V, key string, value V) map[string]V {
	if in == nil {
		in = make(map[string]V)
	}
	in[key] = value
	return in
}
