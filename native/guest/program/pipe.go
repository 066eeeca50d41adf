package program

import (
	"os"
	"sync/atomic"
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
)

// newPipe makes a pipe of which our end has deadlines and the other, as programs expect, blocks.
func newPipe(ours int) (mine, theirs *os.File, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	// A smaller pipe works as well.
	_, _ = unix.FcntlInt(uintptr(ends[0]), unix.F_SETPIPE_SZ, pipeBytes)
	if err := unix.SetNonblock(ends[ours], true); err != nil {
		unix.Close(ends[0])
		unix.Close(ends[1])
		return nil, nil, err
	}
	return os.NewFile(uintptr(ends[ours]), "pipe"), os.NewFile(uintptr(ends[1-ours]), "pipe"), nil
}

// output carries one stream of the program to the host.
type output struct {
	from     *os.File
	stream   uint32
	draining atomic.Bool
}

// pump copies until the end of the pipe. What is there is read at once, so a host that is slow gets large frames. When
// the host is gone it goes on reading, so that the program does not hang before it is killed.
func (o *output) pump(to *wire.Writer) {
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
		if o.draining.Load() {
			o.limitSilence()
		}
	}
	if lost == nil {
		// Where this fails, so does the exit that follows, which is answered for.
		_ = to.End(o.stream)
	}
}

// drain begins the last reads: nobody should be left who writes.
func (o *output) drain() {
	o.draining.Store(true)
	o.limitSilence()
}

func (o *output) limitSilence() {
	// It fails only on a pipe that is closed, whose pump has ended.
	_ = o.from.SetReadDeadline(time.Now().Add(drainIdle))
}
