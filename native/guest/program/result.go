package program

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const resultName = "result.json"

// Result says what became of the file that the program may leave.
type Result string

const (
	NoResult   Result = "none"
	Sent       Result = "sent"
	TooLarge   Result = "too_large"
	Unreadable Result = "unreadable" // no regular file, or it cannot be read
)

// readResult reads the result from the program's folder, which is the program's to play tricks in: a link is not
// followed, a fifo does not make us wait, and no more is read than may be sent.
func readResult(dir *os.File, most int64) ([]byte, Result) {
	fd, err := unix.Openat(int(dir.Fd()), resultName, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, NoResult
	}
	if err != nil {
		return nil, Unreadable
	}
	file := os.NewFile(uintptr(fd), resultName)
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, Unreadable
	}
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return nil, Unreadable
	case int64(len(data)) > most:
		return nil, TooLarge
	case len(data) == 0:
		// Opened and never written: not JSON either, but nothing that the host could be sent.
		return nil, NoResult
	}
	return data, Sent
}
