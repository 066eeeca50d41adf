package kept

import (
	"syscall"
	"time"
)

// LetGo says that a holder has gone. A run that is kept goes on, for a time; any other is killed, and nothing is left of
// it when LetGo returns. Where the run has another holder by now, nothing happens.
func (r *Run) LetGo(h *Holder) {
	r.mu.Lock()
	if r.holder != h {
		r.mu.Unlock()
		return
	}
	r.holder = nil
	if r.part.Keep > 0 {
		turn := r.turns
		r.expiry = time.AfterFunc(r.part.Keep, func() { r.expire(turn) })
		r.mu.Unlock()
		r.changed.Broadcast()
		return
	}
	followed := r.giveUp()
	<-followed
}

// expire ends a run that nobody took up again: nobody has to find it.
func (r *Run) expire(turn int) {
	r.mu.Lock()
	if r.turns != turn {
		r.mu.Unlock()
		return
	}
	followed := r.giveUp()
	<-followed
	r.runs.Abandoned()
}

// giveUp kills the program of a run that nobody holds and lets its output go. It is called with the lock held, and gives
// it back; the channel is closed when nothing is left of the program.
func (r *Run) giveUp() chan struct{} {
	r.deaf = true
	p, ended, followed := r.program, r.exit != nil, r.followed
	r.mu.Unlock()
	r.changed.Broadcast()
	if !ended {
		if err := p.Kill(syscall.SIGKILL); err != nil {
			r.runs.Log("killing a program whose host has gone: %v", err)
		}
	}
	return followed
}
