package kept

import (
	"sync"
	"syscall"
	"time"

	"vulcan/native/guest/fault"
	"vulcan/native/guest/program"
	"vulcan/native/wire"
)

// Run is one run: the program of its present part, and what its holder has still to be told.
type Run struct {
	runs *Runs
	// feeding is held while standard input is handed over, so that it stays in order when holders change.
	feeding sync.Mutex

	mu      sync.Mutex
	changed *sync.Cond
	tape    tape
	part    Part
	program *program.Run
	began   time.Time
	// stdin is bytes taken; stdinOpen that more may come.
	stdin     int64
	stdinOpen bool
	// ended and endTold are of the two streams, exit of the part.
	ended, endTold [2]bool
	exit           *program.Exit
	result         []byte
	exitTold       bool
	// deaf: nobody will listen any more; output is dropped, so that the program can be killed.
	deaf   bool
	holder *Holder
	// turns counts holders: an expiry that comes late must not end the run of the next.
	turns    int
	expiry   *time.Timer
	followed chan struct{}
}

// Attached is what a new holder has to know, in the words of the protocol.
type Attached struct {
	Op         string `json:"op"`
	Tag        string `json:"tag"`
	StdinBytes int64  `json:"stdin_bytes"`
	StdinEnded bool   `json:"stdin_ended"`
	WallUs     int64  `json:"wall_us"`
	Ended      bool   `json:"ended"`
}

func newRun(runs *Runs) *Run {
	r := &Run{runs: runs}
	r.changed = sync.NewCond(&r.mu)
	return r
}

func (r *Run) begin(part Part, p *program.Run, h *Holder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.part, r.program, r.holder, r.began = part, p, h, time.Now()
	r.stdin, r.stdinOpen = 0, part.Stdin
	r.ended, r.endTold = [2]bool{}, [2]bool{}
	r.exit, r.result, r.exitTold = nil, nil, false
	r.followed = make(chan struct{})
	go r.follow(p, r.followed)
}

// follow goes on whoever holds the run, so that the program's traces are removed and its end is known.
func (r *Run) follow(p *program.Run, done chan struct{}) {
	exit, result, err := p.Follow(r)
	if err != nil {
		r.runs.Log("after program %d: %v", p.Pid(), err)
	}
	r.mu.Lock()
	r.exit, r.result = &exit, result
	r.mu.Unlock()
	r.changed.Broadcast()
	close(done)
}

// Data takes output; it waits while too much of it is retained.
func (r *Run) Data(stream uint32, data []byte) error {
	for len(data) > 0 {
		r.mu.Lock()
		for !r.deaf && r.tape.room() == 0 {
			r.changed.Wait()
		}
		if r.deaf {
			r.mu.Unlock()
			return nil
		}
		piece := data[:min(len(data), frameBytes, r.tape.room())]
		r.tape.add(stream, piece)
		data = data[len(piece):]
		r.mu.Unlock()
		r.changed.Broadcast()
	}
	return nil
}

// End says that a stream has no more output.
func (r *Run) End(stream uint32) error {
	r.mu.Lock()
	r.ended[indexOf(stream)] = true
	r.mu.Unlock()
	r.changed.Broadcast()
	return nil
}

// Told is one thing for the holder: bytes of a stream, a stream's end, or the exit with its result.
type Told struct {
	Stream uint32
	Data   []byte
	Exit   *program.Exit
	Result []byte
}

// Next waits for what the holder is to be told next, whose data may be in the buffer of FrameBytes; false when the run
// is another's, or all was told.
func (r *Run) Next(h *Holder, buffer []byte) (Told, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ; r.holder == h && !r.exitTold; r.changed.Wait() {
		if stream, data := r.tape.next(buffer); data != nil {
			if r.part.Keep == 0 {
				r.tape.forgetSent()
				r.changed.Broadcast()
			}
			return Told{Stream: stream, Data: data}, true
		}
		for i := range r.ended {
			if r.ended[i] && !r.endTold[i] {
				r.endTold[i] = true
				return Told{Stream: wire.Stdout + uint32(i)}, true
			}
		}
		if r.exit != nil {
			r.exitTold = true
			return Told{Exit: r.exit, Result: r.result}, true
		}
	}
	return Told{}, false
}

// FrameBytes is the size of the buffer that Next takes.
const FrameBytes = frameBytes

// Acknowledge forgets output that its holder has kept.
func (r *Run) Acknowledge(h *Holder, stdout, stderr int64) {
	r.mu.Lock()
	if r.holder == h {
		r.tape.acknowledge(count{stdout, stderr})
	}
	r.mu.Unlock()
	r.changed.Broadcast()
}

// Stdin takes bytes of standard input. What comes from who is no longer the holder was never taken: the next one is told
// how much was, and goes on from there.
func (r *Run) Stdin(h *Holder, data []byte) error {
	r.feeding.Lock()
	defer r.feeding.Unlock()
	p := r.take(h, int64(len(data)), true)
	if p == nil {
		return nil
	}
	return p.Stdin(data)
}

// EndStdin says that no more standard input comes.
func (r *Run) EndStdin(h *Holder) {
	r.feeding.Lock()
	defer r.feeding.Unlock()
	if p := r.take(h, 0, false); p != nil {
		p.EndStdin()
	}
}

// take counts standard input; nil where it is not the holder's to send.
func (r *Run) take(h *Holder, bytes int64, open bool) *program.Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holder != h {
		return nil
	}
	r.stdin += bytes
	r.stdinOpen = open
	return r.program
}

// Kill sends a signal, as program.Run does.
func (r *Run) Kill(h *Holder, signal syscall.Signal) error {
	r.mu.Lock()
	p, mine := r.program, r.holder == h
	r.mu.Unlock()
	if !mine {
		return nil
	}
	return p.Kill(signal)
}

// kept is of no run, too.
func (r *Run) kept() bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.part.Keep > 0
}

func (r *Run) heldIdleBy(h *Holder) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.holder == h && r.exit != nil
}

func (r *Run) attach(h *Holder, seen count) (Attached, *Holder, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from, to := r.tape.forgotten, r.tape.written
	if r.deaf {
		return Attached{}, nil, fault.New(fault.NoRun, "attach", "the run was given up")
	}
	if !r.tape.sendAgain(seen) {
		return Attached{}, nil, fault.New(fault.BadRequest, "attach",
			"stdout %d and stderr %d were seen, but what is retained begins within %d to %d and %d to %d",
			seen[0], seen[1], from[0], to[0], from[1], to[1])
	}
	before := r.holder
	r.holder = h
	r.turns++
	if r.expiry != nil {
		r.expiry.Stop()
	}
	r.endTold, r.exitTold = [2]bool{}, false
	wall := time.Since(r.began)
	if r.exit != nil {
		wall = time.Duration(r.exit.WallUs) * time.Microsecond
		r.stdinOpen = false
	}
	r.changed.Broadcast()
	return Attached{
		Op: "attached", Tag: r.part.Tag, StdinBytes: r.stdin, StdinEnded: !r.stdinOpen, WallUs: wall.Microseconds(),
		Ended: r.exit != nil,
	}, before, nil
}
