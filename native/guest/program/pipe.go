package program

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
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

// output carries one stream of the program to where it is taken.
type output struct {
	from   *os.File
	stream uint32
	// draining is closed when nobody should be left who writes.
	draining chan struct{}
}

func newOutput(from *os.File, stream uint32) *output {
	return &output{from: from, stream: stream, draining: make(chan struct{})}
}

// pump copies until the end of the pipe. What is there is read at once, so a host that is slow gets large frames. When
// nobody takes it any more it goes on reading, so that the program does not hang before it is killed.
func (o *output) pump(to Sink) {
	defer o.from.Close()
	buffer := make([]byte, pipeBytes)
	var lost error
	for {
		n, err := o.from.Read(buffer)
		if n > 0 && lost == nil {
			lost = to.Data(o.stream, buffer[:n])
		}
		if err != nil {
			break
		}
		if n < largeFrame {
			o.rest()
		}
		o.limitSilence()
	}
	if lost == nil {
		// Where this fails, so does the exit that follows, which is answered for.
		_ = to.End(o.stream)
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
