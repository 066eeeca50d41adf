package program

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/wire"
)

const (
	// drainIdle is how long a pipe may stay open and silent after all of the program was killed: somebody outside the
	// cgroup holds it.
	drainIdle = 2 * time.Second
	// gather is how long a pump rests after a frame that was not large, so that a program that writes line after line
	// sends frames of many lines: each frame costs both sides wake-ups and the vm exits. The first output after a pause
	// of the program or on the other stream, and the last, go at once.
	gather = 5 * time.Millisecond
	// largeFrame is the number of bytes from which a frame is worth its cost.
	largeFrame = 64 << 10
)

// Sink takes output, data of a stream and then its end. It may wait, and the program waits with it.
type Sink interface {
	Data(stream uint32, data []byte) error
	End(stream uint32) error
}

// output is one stream of the program.
type output struct {
	from   *os.File
	raw    syscall.RawConn
	stream uint32
	buffer []byte
	// over is closed to end the rest of its pump.
	over chan struct{}
}

// outputs carries both streams of the program to where they are taken. Two pipes do not tell which of them was written to
// first, so what one holds when the other has something is sent in the order that is likely: first the stream that rests,
// whose bytes have waited, and where none does standard output, of which programs complain on standard error.
type outputs struct {
	stdout, stderr *output
	gather         time.Duration
	// draining is closed when nobody should be left who writes.
	draining chan struct{}

	// mu is held from reading to having sent, so that none overtakes.
	mu sync.Mutex
	to Sink
	// lost says that nobody takes output any more.
	lost error
	// resting was the last to be sent; nil once it had nothing more.
	resting *output
}

func newOutputs() *outputs {
	return &outputs{gather: gather, draining: make(chan struct{})}
}

// open makes a pipe for each stream. theirs are the program's ends, also after an error.
func (p *outputs) open(h *Host, later func(func() error)) (theirs []*os.File, err error) {
	for _, to := range []struct {
		output **output
		stream uint32
	}{{&p.stdout, wire.Stdout}, {&p.stderr, wire.Stderr}} {
		mine, other, err := newPipe(h, 0)
		if err != nil {
			return theirs, err
		}
		later(mine.Close)
		theirs = append(theirs, other)
		raw, err := mine.SyscallConn()
		if err != nil {
			return theirs, err
		}
		*to.output = &output{from: mine, raw: raw, stream: to.stream}
	}
	return theirs, nil
}

// carry copies until the end of both pipes. What is there is read at once, so a host that is slow gets large frames. When
// nobody takes it any more it goes on reading, so that the program does not hang before it is killed.
func (p *outputs) carry(to Sink) {
	p.to = to
	p.stdout.buffer, p.stderr.buffer = make([]byte, pipeBytes), make([]byte, pipeBytes)
	var pumps sync.WaitGroup
	pumps.Go(func() { p.pump(p.stdout) })
	pumps.Go(func() { p.pump(p.stderr) })
	pumps.Wait()
}

func (p *outputs) pump(o *output) {
	defer o.from.Close()
	for {
		n := 0
		err := o.raw.Read(func(fd uintptr) (done bool) {
			n, done = p.take(o, fd)
			return done
		})
		if err != nil || n <= 0 {
			break
		}
		if n < largeFrame {
			p.rest(o)
		}
	}
	p.end(o)
}

// take sends what the pipe of a stream holds, behind what the other's holds where that goes first. done is false where
// there is nothing yet; n is 0 at the end.
func (p *outputs) take(o *output, fd uintptr) (n int, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := read(fd, o.buffer)
	if n <= 0 && p.resting == o {
		p.resting = nil
	}
	if n <= 0 {
		return n, err != unix.EAGAIN
	}
	if before := p.before(o); before != nil {
		p.takeHeld(before)
	}
	p.send(o, n)
	p.turnTo(o, n < largeFrame)
	return n, true
}

// before is the other stream where what it holds goes first.
func (p *outputs) before(o *output) *output {
	switch {
	case p.resting == o:
		return nil
	case p.resting != nil:
		return p.resting
	case o == p.stderr:
		return p.stdout
	}
	return nil
}

// takeHeld sends what a pipe holds that is another pump's, at most one buffer.
func (p *outputs) takeHeld(o *output) {
	// It fails only on a pipe that is closed, whose pump has ended.
	_ = o.raw.Control(func(fd uintptr) {
		if n, _ := read(fd, o.buffer); n > 0 {
			p.send(o, n)
		}
	})
}

func (p *outputs) send(o *output, n int) {
	if p.lost == nil {
		p.lost = p.to.Data(o.stream, o.buffer[:n])
	}
	p.limitSilence(o)
}

// turnTo lets a stream rest that was sent, and no other: what that has from now on is news.
func (p *outputs) turnTo(o *output, rests bool) {
	if p.resting != nil && p.resting != o {
		close(p.resting.over)
	}
	p.resting = nil
	if rests {
		p.resting, o.over = o, make(chan struct{})
	}
}

// rest lets output gather, until the other stream has some or the program has ended.
func (p *outputs) rest(o *output) {
	select {
	case <-o.over:
	case <-p.draining:
	case <-time.After(p.gather):
	}
}

// end tells of the end of a stream, behind what the other pump has of it.
func (p *outputs) end(o *output) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost == nil {
		// Where this fails, so does the exit that follows, which is answered for.
		_ = p.to.End(o.stream)
	}
}

// drain begins the last reads. It is called once.
func (p *outputs) drain() {
	close(p.draining)
	p.limitSilence(p.stdout)
	p.limitSilence(p.stderr)
}

// limitSilence puts the end of a silent pipe near, once the last reads have begun.
func (p *outputs) limitSilence(o *output) {
	select {
	case <-p.draining:
		// It fails only on a pipe that is closed, whose pump has ended.
		_ = o.from.SetReadDeadline(time.Now().Add(drainIdle))
	default:
	}
}

// read does not wait.
func read(fd uintptr, buffer []byte) (n int, err error) {
	for {
		if n, err = unix.Read(int(fd), buffer); err != unix.EINTR {
			return n, err
		}
	}
}
