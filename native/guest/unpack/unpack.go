// Package unpack writes a user's archive into a directory of the guest and refuses, by name, whatever would reach out
// of it or be too much. It runs as root in a vm that holds nothing but the program; even so nothing is followed out.
package unpack

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"vulcan/native/guest/fault"
)

// zstdWindow bounds what a zstd frame can make us keep in memory; the levels up to 19 use 8 MiB.
const zstdWindow = 32 << 20

// Archive unpacks an archive of one of the formats tar, tar.gz, tar.zst and zip, to its end. A zip is spooled to a file
// in spoolDir first, since its directory comes last.
func Archive(from io.Reader, format string, tree *Tree, spoolDir string) error {
	source := &source{from: from}
	err := dispatch(source, format, tree, spoolDir)
	switch {
	case source.failed != nil:
		// The connection, not the archive.
		return source.failed
	case err != nil && source.ended && source.bytes == 0:
		return corruptf("it is empty")
	case err != nil:
		return fault.Of(err, fault.WriteFailed, "unpack")
	}
	return nil
}

func dispatch(source *source, format string, tree *Tree, spoolDir string) error {
	switch format {
	case "tar":
		return unpackTar(source, tree)
	case "tar.gz":
		inflated, err := gzip.NewReader(source)
		if err != nil {
			return corruptf("gzip: %w", err)
		}
		return unpackTar(inflated, tree)
	case "tar.zst":
		inflated, err := zstd.NewReader(source, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderMaxMemory(2*zstdWindow))
		if err != nil {
			return corruptf("zstd: %w", err)
		}
		defer inflated.Close()
		return unpackTar(inflated, tree)
	case "zip":
		return unpackZip(source, tree, spoolDir)
	default:
		return fault.New(fault.BadRequest, "unpack", "the format %q is not one of tar, tar.gz, tar.zst, zip", format)
	}
}

func unpackTar(from io.Reader, tree *Tree) error {
	stream := &meter{from: from, left: tree.limits.stream(), limit: tree.limits.stream()}
	entries := tar.NewReader(stream)
	for {
		header, err := entries.Next()
		if err == io.EOF {
			break
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // which we refuse in our own words
			return corrupt(err)
		}
		if err := unpackEntry(entries, header, tree); err != nil {
			return err
		}
	}
	if stream.left == stream.limit {
		return corruptf("it is empty")
	}
	// The checksum of what was compressed comes at its very end.
	if _, err := io.Copy(io.Discard, stream); err != nil {
		return corrupt(err)
	}
	return nil
}

func unpackEntry(entries *tar.Reader, header *tar.Header, tree *Tree) error {
	if header.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := Clean(header.Name)
	if err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		if header.Size > tree.limits.Bytes-tree.bytes {
			return tooLargef("more than %d bytes, with %q", tree.limits.Bytes, short(name))
		}
		return tree.File(name, header.FileInfo().Mode(), header.ModTime, entries)
	case tar.TypeDir:
		return tree.Dir(name, header.FileInfo().Mode())
	case tar.TypeSymlink:
		return tree.Symlink(name, header.Linkname)
	case tar.TypeLink:
		target, err := Clean(header.Linkname)
		if err != nil {
			return unsafef("%q: a link out of the tree to %q", short(name), short(header.Linkname))
		}
		return tree.Link(name, target)
	case tar.TypeChar, tar.TypeBlock:
		return unsafef("%q: a device", short(name))
	case tar.TypeFifo:
		return unsafef("%q: a fifo", short(name))
	default:
		return unsafef("%q: an entry of unknown type %q", short(name), header.Typeflag)
	}
}

// stream is the longest that a tar within the limits can be: its files, and headers of usual size.
func (l Limits) stream() int64 { return l.Bytes + 4096*l.Files + 1<<20 }

// corrupt keeps what a reader below found out (too large) and calls the rest corrupt.
func corrupt(err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return known
	}
	return corruptf("%w", err)
}

// meter counts what has been inflated while it is being inflated, so that a bomb ends early.
type meter struct {
	from        io.Reader
	left, limit int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	if m.left -= int64(n); m.left < 0 {
		return 0, tooLargef("it inflates to more than %d bytes", m.limit)
	}
	return n, err
}

// source tells a connection that failed from an archive that ends early.
type source struct {
	from   io.Reader
	bytes  int64
	ended  bool
	failed error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	s.bytes += int64(n)
	switch err {
	case nil:
	case io.EOF:
		s.ended = true
	default:
		s.failed = err
	}
	return n, err
}
