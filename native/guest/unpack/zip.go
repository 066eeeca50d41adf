package unpack

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

func unpackZip(from io.Reader, tree *Tree, spoolDir string) error {
	spool, size, err := spoolZip(from, tree, spoolDir)
	if err != nil {
		return err
	}
	defer spool.Close()
	// The directory is read whole into memory, and its own count of entries may lie: what bounds it is the bytes read.
	directory := &budget{from: spool, left: 256*tree.limits.Files + 1<<20}
	archive, err := zip.NewReader(directory, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return corrupt(err)
	}
	directory.unlimited = true
	if int64(len(archive.File)) > tree.limits.Files {
		return tooLargef("%d files, more than %d", len(archive.File), tree.limits.Files)
	}
	for _, entry := range archive.File {
		if err := unpackZipEntry(entry, tree); err != nil {
			return err
		}
	}
	return nil
}

// spoolZip keeps the archive in a file that has no name any more.
func spoolZip(from io.Reader, tree *Tree, dir string) (*os.File, int64, error) {
	spool, err := os.CreateTemp(dir, "upload-*")
	if err != nil {
		return nil, 0, err
	}
	most := tree.limits.stream()
	size, err := func() (int64, error) {
		if err := os.Remove(spool.Name()); err != nil {
			return 0, err
		}
		size, err := io.Copy(spool, io.LimitReader(from, most+1))
		if err == nil && size > most {
			err = tooLargef("more than %d bytes", most)
		}
		return size, err
	}()
	if err != nil {
		spool.Close()
		return nil, 0, err
	}
	return spool, size, nil
}

func unpackZipEntry(entry *zip.File, tree *Tree) error {
	if strings.Contains(entry.Name, `\`) {
		return unsafef("%q: a name with a backslash", short(entry.Name))
	}
	name, err := Clean(entry.Name)
	if err != nil {
		return err
	}
	mode := entry.Mode()
	switch mode.Type() {
	case fs.ModeDir:
		return tree.Dir(name, mode)
	case 0, fs.ModeSymlink:
	case fs.ModeNamedPipe:
		return unsafef("%q: a fifo", short(name))
	default:
		return unsafef("%q: a device or socket", short(name))
	}
	if entry.Flags&1 != 0 {
		return corruptf("%q is encrypted", short(name))
	}
	if entry.UncompressedSize64 > uint64(tree.limits.Bytes-tree.bytes) {
		return tooLargef("more than %d bytes, with %q", tree.limits.Bytes, short(name))
	}
	content, err := entry.Open()
	if err != nil {
		return corruptf("%q: %w", short(name), err)
	}
	defer content.Close()
	if mode.Type() == 0 {
		return tree.File(name, mode, entry.Modified, content)
	}
	target, err := io.ReadAll(io.LimitReader(content, 4097))
	if err != nil {
		return corruptf("%q: %w", short(name), err)
	}
	return tree.Symlink(name, string(target))
}

// budget bounds the bytes that may be read until it is lifted.
type budget struct {
	from      io.ReaderAt
	left      int64
	unlimited bool
}

func (b *budget) ReadAt(p []byte, at int64) (int, error) {
	n, err := b.from.ReadAt(p, at)
	if b.left -= int64(n); b.left < 0 && !b.unlimited {
		return 0, tooLargef("its directory names too many files")
	}
	return n, err
}
