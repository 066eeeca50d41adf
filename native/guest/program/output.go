package program

import (
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/wire"
)

const (
	// drainIdle is how long pipes may stay open and silent after all of the program was killed: somebody outside the
	// cgroup holds them.
	drainIdle = 2 * time.Second
	// gather is how long output rests after frames that were not large, so that a program that writes line after line
	// sends frames of many lines: each frame costs both sides wake-ups and the vm exits. The first output after a pause
	// of the program, and the last, go at once.
	gather = 5 * time.Millisecond
	// largeFrame is the number of bytes from which a frame is worth its cost.
	largeFrame = 64 << 10
)

// Sink takes output, data of a stream and then its end. It may wait, and the program waits with it.
type Sink interface {
	Data(stream uint32, data []byte) error
	End(stream uint32) error
}

// outputs carries both streams of a program to where they are taken. Two pipes do not tell which of them was written to
// first, but the kernel's queue does (epoll, told of each arrival once): a traceback comes after what was printed
// before it, though both have gathered meanwhile.
type outputs struct {
	queue   *os.File
	streams map[int32]*output
	// wakes is an event in the queue that comes with the last reads.
	wakes *os.File
	// draining is closed when nobody should be left who writes.
	draining chan struct{}
	buffer   []byte
	// lost says why nobody takes output any more.
	lost error
}

// output is one stream of a program.
type output struct {
	from   *os.File
	fd     int32
	stream uint32
}

// open makes the pipes of standard output and standard error; what they are written from now on has its order. theirs are
// the program's ends, also after an error.
func (p *outputs) open(h *Host, later func(func() error)) (theirs []*os.File, err error) {
	p.streams, p.draining, p.buffer = map[int32]*output{}, make(chan struct{}), make([]byte, pipeBytes)
	if err := p.openQueue(later); err != nil {
		return nil, err
	}
	for _, stream := range []uint32{wire.Stdout, wire.Stderr} {
		mine, other, err := newPipe(h, 0)
		if err != nil {
			return theirs, err
		}
		later(mine.Close)
		theirs = append(theirs, other)
		if err := p.add(&output{from: mine, stream: stream}); err != nil {
			return theirs, err
		}
	}
	return theirs, nil
}

// openQueue makes the queue and what wakes who waits at it.
func (p *outputs) openQueue(later func(func() error)) error {
	queue, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	p.queue = os.NewFile(uintptr(queue), "epoll")
	later(p.queue.Close)
	wakes, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return err
	}
	p.wakes = os.NewFile(uintptr(wakes), "eventfd")
	later(p.wakes.Close)
	return p.enter(unix.EPOLL_CTL_ADD, int32(wakes))
}

// add has the queue tell of a stream.
func (p *outputs) add(o *output) error {
	pipe, err := o.from.SyscallConn()
	if err != nil {
		return err
	}
	// Not by Fd, which would have it block.
	if err := pipe.Control(func(fd uintptr) { o.fd = int32(fd) }); err != nil {
		return err
	}
	p.streams[o.fd] = o
	return p.enter(unix.EPOLL_CTL_ADD, o.fd)
}

// enter adds a descriptor to the queue, or has the queue look at it again.
func (p *outputs) enter(how int, fd int32) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: fd}
	return unix.EpollCtl(int(p.queue.Fd()), how, int(fd), &event)
}

// carry copies until the end of both pipes. What is there is read at once, so a host that is slow gets large frames. When
// nobody takes it any more it goes on reading, so that the program does not hang before it is killed.
func (p *outputs) carry(to Sink) {
	events := make([]unix.EpollEvent, 3)
	for len(p.streams) > 0 {
		n, err := unix.EpollWait(int(p.queue.Fd()), events, p.patience())
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			break
		}
		large := false
		for _, event := range events[:n] {
			if o := p.streams[event.Fd]; o != nil {
				large = p.take(o, event.Events, to) >= largeFrame || large
			}
		}
		if !large {
			p.rest()
		}
	}
	for _, o := range p.streams {
		p.end(o, to)
	}
	p.queue.Close()
	p.wakes.Close()
}

// take sends what a stream has, and tells of its end. n is how much that was.
func (p *outputs) take(o *output, events uint32, to Sink) (n int) {
	n, err := read(int(o.fd), p.buffer)
	if n > 0 && p.lost == nil {
		p.lost = to.Data(o.stream, p.buffer[:n])
	}
	// There may be more, or nothing more for good, of which the queue tells no second time.
	if err == nil && (n == len(p.buffer) || events&unix.EPOLLHUP != 0) {
		err = p.enter(unix.EPOLL_CTL_MOD, o.fd)
	}
	if err != nil && err != unix.EAGAIN {
		p.end(o, to)
	}
	return n
}

func (p *outputs) end(o *output, to Sink) {
	delete(p.streams, o.fd)
	if p.lost == nil {
		// Where this fails, so does the exit that follows, which is answered for.
		_ = to.End(o.stream)
	}
	o.from.Close()
}

// read does not wait: EAGAIN where there is nothing, io.EOF at the end.
func read(fd int, buffer []byte) (int, error) {
	for {
		switch n, err := unix.Read(fd, buffer); {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// rest lets output gather, until the program has ended.
func (p *outputs) rest() {
	select {
	case <-p.draining:
	case <-time.After(gather):
	}
}

// drain begins the last reads. It is called once.
func (p *outputs) drain() {
	close(p.draining)
	// It fails only where all was carried already.
	_, _ = p.wakes.Write([]byte{7: 1})
}

// patience is how long nothing may come, in milliseconds; -1 for ever.
func (p *outputs) patience() int {
	select {
	case <-p.draining:
		return int(drainIdle.Milliseconds())
	default:
		return -1
	}
}
