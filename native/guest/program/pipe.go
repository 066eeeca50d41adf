package program

import (
	"cmp"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/wire"
)

const (
	// pipeBytes is the size of a pipe and the most that one data frame of output carries.
	pipeBytes = 256 << 10
	// drainIdle is how long a pipe may stay open and silent after all of the program was killed: somebody outside the
	// cgroup holds it.
	drainIdle = 2 * time.Second
	// gather is how long a pump rests after a frame that was not large, so that a program that writes line after line
	// sends frames of many lines: each frame costs both sides wake-ups and the vm exits. The first output after a pause
	// of the program, and the last, go at once.
	gather = 5 * time.Millisecond
	// largeFrame is the number of bytes from which a frame is worth its cost.
	largeFrame = 64 << 10
)

// newPipe makes a pipe of which our end has deadlines and the other, as programs expect, blocks. It belongs to the
// program's user, who may then open it by /dev/stdin, /dev/stdout and /dev/stderr.
func newPipe(h *Host, ours int) (mine, theirs *os.File, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	// A smaller pipe works as well.
	_, _ = unix.FcntlInt(uintptr(ends[0]), unix.F_SETPIPE_SZ, pipeBytes)
	err = unix.SetNonblock(ends[ours], true)
	if err == nil && h.Drop {
		err = unix.Fchown(ends[0], h.UID, h.GID)
	}
	if err != nil {
		unix.Close(ends[0])
		unix.Close(ends[1])
		return nil, nil, err
	}
	return os.NewFile(uintptr(ends[ours]), "pipe"), os.NewFile(uintptr(ends[1-ours]), "pipe"), nil
}

// Sink takes output, data of a stream and then its end. It may wait, and the program waits with it.
type Sink interface {
	Data(stream uint32, data []byte) error
	End(stream uint32) error
}

// outputs are the two streams of a program.
type outputs struct {
	stdout, stderr *output
}

// output carries one stream of the program to where it is taken.
type output struct {
	from   *os.File
	stream uint32
	// other is the program's other stream. Pipes do not tell which of the two was written to first.
	other *output
	// turn is for who reads from either and sends: what was read first is sent first.
	turn *sync.Mutex
	// Of the turn: a buffer, whether there may be output that nobody was told of since the last frame, why nobody takes it
	// any more, and whether its end was told.
	buffer []byte
	rests  bool
	lost   error
	ended  bool
	// draining is closed when nobody should be left who writes.
	draining chan struct{}
}

func newOutputs(stdout, stderr *os.File) outputs {
	turn := &sync.Mutex{}
	both := outputs{newOutput(stdout, wire.Stdout, turn), newOutput(stderr, wire.Stderr, turn)}
	both.stdout.other, both.stderr.other = both.stderr, both.stdout
	return both
}

func newOutput(from *os.File, stream uint32, turn *sync.Mutex) *output {
	return &output{from: from, stream: stream, turn: turn, buffer: make([]byte, pipeBytes), draining: make(chan struct{})}
}

// pump copies until the end of the pipe. What is there is read at once, so a host that is slow gets large frames. When
// nobody takes it any more it goes on reading, so that the program does not hang before it is killed.
func (o *output) pump(to Sink) {
	defer o.from.Close()
	pipe, err := o.from.SyscallConn()
	for err == nil {
		var n int
		if n, err = o.carry(pipe, to); err == nil && n < largeFrame {
			o.rest()
		}
		o.limitSilence()
	}
	o.turn.Lock()
	defer o.turn.Unlock()
	o.ended = true
	if o.lost == nil {
		// Where this fails, so does the exit that follows, which is answered for.
		_ = to.End(o.stream)
	}
}

// carry waits until something is there and sends it, behind what the other stream has gathered.
func (o *output) carry(pipe syscall.RawConn, to Sink) (n int, err error) {
	stopped := pipe.Read(func(fd uintptr) bool {
		o.turn.Lock()
		defer o.turn.Unlock()
		n, err = o.read(int(fd))
		if n > 0 && o.otherFirst() {
			o.other.take(to)
		}
		o.send(n, to)
		o.rests = n > 0 && n < largeFrame
		return err != unix.EAGAIN
	})
	return n, cmp.Or(stopped, err)
}

// otherFirst says whether what the other stream holds goes before what came here: what has gathered goes before what did
// not. Of both, and of what a program wrote before either was read, nobody knows, and stdout goes first: a traceback comes
// last.
func (o *output) otherFirst() bool {
	if o.rests != o.other.rests {
		return o.other.rests
	}
	return o.stream == wire.Stderr
}

// take sends what is there, without waiting. Of a pipe that is closed that is nothing; its end is for its own pump to see.
func (o *output) take(to Sink) {
	pipe, err := o.from.SyscallConn()
	if err != nil || o.ended {
		return
	}
	_ = pipe.Control(func(fd uintptr) {
		n, _ := o.read(int(fd))
		o.send(n, to)
	})
}

// read reads what is there: io.EOF at the end, EAGAIN where there is nothing.
func (o *output) read(fd int) (n int, err error) {
	for {
		n, err = unix.Read(fd, o.buffer)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

func (o *output) send(n int, to Sink) {
	if n > 0 && o.lost == nil {
		o.lost = to.Data(o.stream, o.buffer[:n])
	}
}

// rest lets output gather, until the program has ended.
func (o *output) rest() {
	select {
	case <-o.draining:
	case <-time.After(gather):
	}
}

// drain begins the last reads. It is called once.
func (o *output) drain() {
	close(o.draining)
	o.limitSilence()
}

// limitSilence puts the end of a silent pipe near, once the last reads have begun.
func (o *output) limitSilence() {
	select {
	case <-o.draining:
		// It fails only on a pipe that is closed, whose pump has ended.
		_ = o.from.SetReadDeadline(time.Now().Add(drainIdle))
	default:
	}
}
