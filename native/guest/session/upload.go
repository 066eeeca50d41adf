package session

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"runtime/debug"
	"strings"
	"time"

	"vulcan/native/guest/fault"
	"vulcan/native/guest/unpack"
	"vulcan/native/wire"
)

// upload answers a request that is followed by data, and takes the data whatever the answer is.
func (s *session) upload(op string, payload []byte) error {
	from := &upload{session: s}
	answer, err := s.store(op, payload, from)
	if from.failed != nil {
		return from.failed
	}
	s.uploaded = err == nil
	if err != nil {
		err = s.refuse(err)
	} else {
		err = s.out.Control(answer)
	}
	// What has not come yet is dropped as it comes.
	s.uploadOpen = !from.ended
	if op == "unpack" {
		// Decompressors are large; the memory of a vm is small and the program's.
		debug.FreeOSMemory()
	}
	return err
}

func (s *session) store(op string, payload []byte, from io.Reader) (written, error) {
	var file writeRequest
	var archive unpackRequest
	limits := unpack.Limits{Bytes: math.MaxInt64, Files: math.MaxInt64}
	var err error
	if op == "write" {
		err = decode(payload, &file)
	} else {
		err = decode(payload, &archive)
		// Bounded so that sums with them cannot overflow.
		limits = unpack.Limits{Bytes: min(archive.MaxBytes, 1<<50), Files: min(archive.MaxFiles, 1<<30)}
		if err == nil && (limits.Bytes <= 0 || limits.Files <= 0) {
			err = fault.New(fault.BadRequest, "unpack", "max_bytes and max_files must be positive")
		}
	}
	if err != nil {
		return written{}, err
	}
	host := s.env.Programs
	tree, err := unpack.OpenTree(s.env.Work, host.UID, host.GID, limits)
	if err != nil {
		return written{}, fault.Of(err, fault.WriteFailed, op)
	}
	defer tree.Close()
	if op == "write" {
		err = writeFile(file, tree, from)
	} else {
		err = unpack.Archive(from, archive.Format, tree, s.env.SpoolDir)
	}
	bytes, files := tree.Count()
	answer := written{Op: "ok", Bytes: bytes}
	if op == "unpack" {
		answer.Files = &files
	}
	return answer, err
}

// writeFile holds a single file to the rules of an archive, but its faults are those of the request.
func writeFile(request writeRequest, tree *unpack.Tree, from io.Reader) error {
	name, err := unpack.Clean(request.Path)
	if err == nil {
		err = tree.File(name, fs.FileMode(request.Mode&0o777), time.Time{}, from)
	}
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) && known.Code == fault.ArchiveUnsafe {
		why := strings.TrimPrefix(known.Message, "the archive was refused: ")
		return fault.New(fault.BadRequest, "write", "the file cannot be written: %s", why)
	}
	return fault.Of(err, fault.WriteFailed, "write")
}

// upload reads the data of the upload stream, until its end.
type upload struct {
	session *session
	rest    []byte // of the last frame; valid until the next is read
	ended   bool
	failed  error // of the connection
}

func (u *upload) Read(p []byte) (int, error) {
	for len(u.rest) == 0 {
		if u.failed != nil {
			return 0, u.failed
		}
		if u.ended {
			return 0, io.EOF
		}
		u.failed = u.next()
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

func (u *upload) next() error {
	frame, err := u.session.in.Next()
	switch {
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	case frame.Type == wire.Control:
		return &wire.ProtocolError{Reason: "control within an upload"}
	case frame.Stream != wire.Upload:
		return u.session.stray(frame)
	case frame.Type == wire.End:
		u.ended = true
	default:
		u.rest = frame.Payload
	}
	return nil
}
