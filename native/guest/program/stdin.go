package program

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// spoolMax is how many bytes of standard input wait for a program that does not take them. Beyond it the connection is
// read no further, and a kill behind the input does not get through.
const spoolMax = 64 << 20

// punchEvery is how many taken bytes of the file give their room back at once: it lies on the program's own disk, and one
// that is always a little behind would fill that with its whole input.
const punchEvery = 4 << 20

// spool takes standard input as fast as it comes and gives it to the program as fast as that takes it. What waits is in
// a file without a name, not in the memory of a small vm.
type spool struct {
	mu      sync.Mutex
	changed *sync.Cond
	file    *os.File
	taken   int64 // of the file
	punched int64 // of what was taken
	filled  int64
	direct  []byte // waits behind the file where the disk had no room
	ended   bool   // nothing more comes
	dropped bool   // the program takes nothing more
}

func newSpool(dir string) (*spool, error) {
	file, err := os.CreateTemp(dir, "stdin-*")
	if err != nil {
		return nil, err
	}
	s := &spool{file: file}
	s.changed = sync.NewCond(&s.mu)
	return s, os.Remove(file.Name())
}

// push takes bytes, or drops them when the program takes no more.
func (s *spool) push(data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.dropped && (s.direct != nil || s.filled-s.taken+int64(len(data)) > spoolMax) {
		s.changed.Wait()
	}
	if s.dropped {
		return nil
	}
	defer s.changed.Broadcast()
	n, err := s.file.WriteAt(data, s.filled)
	s.filled += int64(n)
	if errors.Is(err, syscall.ENOSPC) {
		s.direct = append([]byte(nil), data[n:]...)
		return nil
	}
	return err
}

// end says that nothing more comes.
func (s *spool) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.changed.Broadcast()
}

// drop says that nothing more is taken.
func (s *spool) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped, s.direct = true, nil
	s.changed.Broadcast()
}

// feed writes to the program until the end of its input, or until it takes no more.
func (s *spool) feed(to io.WriteCloser) error {
	defer s.file.Close()
	defer to.Close()
	defer s.drop()
	buffer := make([]byte, 64<<10)
	for {
		data, err := s.next(buffer)
		if err != nil || data == nil {
			return err
		}
		if _, err := to.Write(data); err != nil {
			// The program has closed its standard input, or has ended.
			if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
				return nil
			}
			return err
		}
	}
}

// next waits for bytes; nil at the end.
func (s *spool) next(buffer []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.dropped && !s.ended && s.taken == s.filled && s.direct == nil {
		s.changed.Wait()
	}
	switch {
	case s.dropped:
		return nil, nil
	case s.taken < s.filled:
		n, err := s.file.ReadAt(buffer[:min(int64(len(buffer)), s.filled-s.taken)], s.taken)
		if s.taken += int64(n); s.taken == s.filled {
			// Empty: the file gives its room back.
			s.taken, s.filled, s.punched = 0, 0, 0
			err = s.file.Truncate(0)
		} else if s.taken-s.punched >= punchEvery {
			// Where a file system cannot do that, the room comes back at the end. The hole is one from the beginning, or the
			// block in which the last one ended would stay.
			const how = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
			_ = unix.Fallocate(int(s.file.Fd()), how, 0, s.taken)
			s.punched = s.taken
		}
		s.changed.Broadcast()
		return buffer[:n], err
	default:
		data := s.direct
		s.direct = nil
		s.changed.Broadcast()
		return data, nil
	}
}
