package inside

import (
	"bufio"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// message is one JSON line of the events port, in either direction.
type message map[string]any

// events is the port on which the machine tells the host what happens and takes its orders. A host that connects is
// first told the state (up, server ready), then what follows.
type events struct {
	port  *port
	mu    sync.Mutex
	order []string
	known map[string]message
	// pending is what the connected host has not taken yet; bounded, the oldest goes first.
	pending []message
	wake    chan struct{}
	taken   chan struct{}
}

const pendingLimit = 256

func newEvents(p *port) *events {
	return &events{port: p, known: map[string]message{}, wake: make(chan struct{}, 1), taken: make(chan struct{}, 1)}
}

// send tells the host once, if one is there or comes soon.
func (e *events) send(m message) {
	e.mu.Lock()
	if len(e.pending) == pendingLimit {
		e.pending = e.pending[1:]
	}
	e.pending = append(e.pending, m)
	e.mu.Unlock()
	signal(e.wake)
}

// state tells the host now and every later host when it connects; nil takes the state of that name back.
func (e *events) state(name string, m message) {
	e.mu.Lock()
	if _, known := e.known[name]; !known && m != nil {
		e.order = append(e.order, name)
	}
	e.known[name] = m
	e.mu.Unlock()
	if m != nil {
		e.send(m)
	}
}

// drain waits until the host has taken everything, at most that long.
func (e *events) drain(limit time.Duration) {
	timeout := time.After(limit)
	for {
		e.mu.Lock()
		left := len(e.pending)
		e.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-e.taken:
		case <-timeout:
			return
		}
	}
}

// run serves one host after the other, for ever.
func (e *events) run(order func(op string)) {
	for first := true; ; first = false {
		if err := e.port.waitForHost(); err != nil {
			fmt.Println("vulcan-machine: events:", err)
			return
		}
		if !first {
			e.greet()
		}
		gone := make(chan struct{})
		written := make(chan struct{})
		go func() {
			defer close(written)
			e.write(gone)
		}()
		e.read(order)
		close(gone)
		e.port.abandon()
		<-written
		if err := e.port.reopen(); err != nil {
			fmt.Println("vulcan-machine: events:", err)
			return
		}
	}
}

// greet replaces what an earlier host did not take by the state.
func (e *events) greet() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pending = nil
	for _, name := range e.order {
		if m := e.known[name]; m != nil {
			e.pending = append(e.pending, m)
		}
	}
}

func (e *events) write(gone <-chan struct{}) {
	encoder := json.NewEncoder(e.port)
	for {
		e.mu.Lock()
		batch := e.pending
		e.mu.Unlock()
		for _, m := range batch {
			if encoder.Encode(m) != nil {
				return
			}
			e.mu.Lock()
			// A full queue may have dropped this one meanwhile.
			if len(e.pending) > 0 {
				e.pending = e.pending[1:]
			}
			e.mu.Unlock()
			signal(e.taken)
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-e.wake:
		case <-gone:
			return
		}
	}
}

func (e *events) read(order func(op string)) {
	lines := bufio.NewScanner(e.port)
	for lines.Scan() {
		var request struct {
			Op string `json:"op"`
		}
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			e.send(message{"event": "refused", "error": err.Error()})
			continue
		}
		order(request.Op)
	}
}

// signal wakes whoever waits on a channel of one slot, now or later.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
