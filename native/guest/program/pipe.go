package program

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeBytes is the size of a pipe and the most that one data frame of output carries.
const pipeBytes = 256 << 10

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
