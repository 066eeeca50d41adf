package unpack

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"

	"vulcan/native/guest/fault"
)

func TestHostileTars(t *testing.T) {
	link := func(name, target string) entry { return entry{name: name, kind: tar.TypeSymlink, link: target} }
	file := func(name string) entry { return entry{name: name, body: "x"} }
	for name, c := range map[string]struct {
		entries []entry
		words   string
	}{
		"absolute path":                    {[]entry{file("/etc/passwd")}, "an absolute path"},
		"path that leaves":                 {[]entry{file("../secret")}, "leaves the tree"},
		"path that leaves and comes back":  {[]entry{file("../work/x")}, "leaves the tree"},
		"path that leaves from within":     {[]entry{file("a/../../secret")}, "leaves the tree"},
		"directory that leaves":            {[]entry{{name: "../d/", kind: tar.TypeDir}}, "leaves the tree"},
		"component that is too long":       {[]entry{file(strings.Repeat("n", 256))}, "a name of 256 bytes"},
		"path that is too long":            {[]entry{file(strings.Repeat("n/", 2100) + "x")}, "a path of 4201 bytes"},
		"link to an absolute path":         {[]entry{link("l", "/etc/passwd")}, "absolute path"},
		"link that leaves":                 {[]entry{link("l", "../secret")}, "leaves the tree"},
		"link that leaves from within":     {[]entry{link("a/b/l", "../../../secret")}, "leaves the tree"},
		"link that leaves through another": {[]entry{link("a/b/up", "../.."), link("a/b/c/l", "../up/../secret")}, ".. behind a name"},
		"link to nothing":                  {[]entry{link("l", "")}, "a link to nothing"},
		"file through a link":              {[]entry{{name: "d/", kind: tar.TypeDir}, link("l", "d"), file("l/x")}, "no directory"},
		"directory through a link":         {[]entry{link("l", "."), {name: "l/d/", kind: tar.TypeDir}}, "no directory"},
		"file over a link":                 {[]entry{link("l", "target"), file("l")}, "different kinds"},
		"link over a file":                 {[]entry{file("f"), link("f", "target")}, "different kinds"},
		"directory over a link":            {[]entry{link("l", "."), {name: "l/", kind: tar.TypeDir}}, "no directory"},
		"file over a directory":            {[]entry{file("d/x"), file("d")}, "different kinds"},
		"file over the tree":               {[]entry{file(".")}, "in the place of the tree"},
		"hard link that leaves":            {[]entry{{name: "h", kind: tar.TypeLink, link: "../secret"}}, "out of the tree"},
		"hard link to an absolute path":    {[]entry{{name: "h", kind: tar.TypeLink, link: "/etc/passwd"}}, "out of the tree"},
		"hard link to a link":              {[]entry{link("l", "x"), {name: "h", kind: tar.TypeLink, link: "l"}}, "no regular file"},
		"hard link through a link":         {[]entry{file("d/f"), link("l", "d"), {name: "h", kind: tar.TypeLink, link: "l/f"}}, "no directory"},
		"hard link to a directory":         {[]entry{file("d/x"), {name: "h", kind: tar.TypeLink, link: "d"}}, "no regular file"},
		"character device":                 {[]entry{{name: "null", kind: tar.TypeChar}}, "a device"},
		"block device":                     {[]entry{{name: "vda", kind: tar.TypeBlock}}, "a device"},
		"fifo":                             {[]entry{{name: "pipe", kind: tar.TypeFifo}}, "a fifo"},
		"unknown type":                     {[]entry{{name: "x", kind: 'Z'}}, "unknown type"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := into(t, tarOf(t, c.entries...), "tar", roomy)
			expectCode(t, err, fault.ArchiveUnsafe, c.words)
		})
	}
}

func TestHostileZips(t *testing.T) {
	for name, c := range map[string]struct {
		entries []entry
		words   string
	}{
		"absolute path":    {[]entry{{name: "/etc/passwd"}}, "an absolute path"},
		"path that leaves": {[]entry{{name: "a/../../secret"}}, "leaves the tree"},
		"backslashes":      {[]entry{{name: `..\secret`}}, "backslash"},
		"link that leaves": {[]entry{{name: "l", body: "../secret", mode: syscall.S_IFLNK | 0o777}}, "leaves the tree"},
		"file over a link": {[]entry{{name: "l", body: "x", mode: syscall.S_IFLNK | 0o777}, {name: "l"}}, "different kinds"},
		"device":           {[]entry{{name: "vda", mode: syscall.S_IFBLK | 0o666}}, "a device"},
		"fifo":             {[]entry{{name: "pipe", mode: syscall.S_IFIFO | 0o666}}, "a fifo"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := into(t, zipOf(t, c.entries...), "zip", roomy)
			expectCode(t, err, fault.ArchiveUnsafe, c.words)
		})
	}
}

func TestArchivesThatAreTooMuch(t *testing.T) {
	many := make([]entry, 101)
	for i := range many {
		many[i] = entry{name: strings.Repeat("x", i+1)}
	}
	padding := append(tarOf(t, entry{name: "a"}), make([]byte, 64<<20)...)
	for name, c := range map[string]struct {
		format  string
		archive []byte
		words   string
	}{
		"file over the limit":     {"tar", tarOf(t, entry{name: "big", size: 1<<20 + 1}), "more than 1048576 bytes"},
		"files over the limit":    {"tar", tarOf(t, entry{name: "a", size: 1 << 19}, entry{name: "b", size: 1<<19 + 1}), "more than 1048576 bytes"},
		"gzip bomb":               {"tar.gz", gzipped(t, tarOf(t, entry{name: "big", size: 64 << 20})), "more than 1048576 bytes"},
		"zstd bomb":               {"tar.zst", zstded(t, tarOf(t, entry{name: "big", size: 64 << 20})), "more than 1048576 bytes"},
		"bomb behind the archive": {"tar.gz", gzipped(t, padding), "inflates to more than"},
		"zip bomb":                {"zip", zipOf(t, entry{name: "big", size: 64 << 20}), "more than 1048576 bytes"},
		"too many files":          {"tar", tarOf(t, many...), "more than 100 files"},
		"too many files in a zip": {"zip", zipOf(t, many...), "more than 100"},
		"too many directories":    {"tar", tarOf(t, entry{name: strings.Repeat("d/", 101) + "x"}), "more than 100 files"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := into(t, c.archive, c.format, roomy)
			expectCode(t, err, fault.ArchiveTooLarge, c.words)
		})
	}
}

// hideSize makes a zip's directory say that its one file has 10 bytes.
func hideSize(t *testing.T, archive []byte) []byte {
	t.Helper()
	at := bytes.LastIndex(archive, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(archive[at+24:], 10)
	return archive
}

func TestCorruptArchives(t *testing.T) {
	plain := tarOf(t, entry{name: "a", body: strings.Repeat("text", 1000)})
	squeezed, zipped := gzipped(t, plain), zipOf(t, entry{name: "a", body: strings.Repeat("text", 1000)})
	flip := func(b []byte, at int) []byte { b = bytes.Clone(b); b[at] ^= 0x55; return b }
	for name, c := range map[string]struct {
		format  string
		archive []byte
	}{
		"empty tar":                  {"tar", nil},
		"empty tar.gz":               {"tar.gz", nil},
		"empty tar.zst":              {"tar.zst", nil},
		"empty zip":                  {"zip", nil},
		"gzip of nothing":            {"tar.gz", gzipped(t, nil)},
		"text as tar":                {"tar", bytes.Repeat([]byte("hello world "), 100)},
		"text as tar.gz":             {"tar.gz", []byte("hello world")},
		"text as tar.zst":            {"tar.zst", []byte("hello world")},
		"text as zip":                {"zip", []byte("hello world")},
		"tar as zip":                 {"zip", plain},
		"tar that is cut":            {"tar", plain[:1000]},
		"tar.gz that is cut":         {"tar.gz", squeezed[:len(squeezed)/2]},
		"tar.gz without its end":     {"tar.gz", squeezed[:len(squeezed)-4]},
		"tar.gz with a bad checksum": {"tar.gz", flip(squeezed, len(squeezed)-6)},
		"tar.zst that is cut":        {"tar.zst", zstded(t, plain)[:60]},
		"tar.zst with a huge window": {"tar.zst", zstded(t, make([]byte, 65<<20), zstd.WithWindowSize(64<<20), zstd.WithSingleSegment(false))},
		"zip that is cut":            {"zip", zipped[:len(zipped)-10]},
		"zip with a bad checksum":    {"zip", flip(zipped, bytes.LastIndex(zipped, []byte("PK\x01\x02"))+16)},
		"zip that hides a size":      {"zip", hideSize(t, zipOf(t, entry{name: "big", size: 2 << 20}))},
		"hard link to nothing":       {"tar", tarOf(t, entry{name: "h", kind: tar.TypeLink, link: "not/there"})},
		"hard link to itself":        {"tar", tarOf(t, entry{name: "h", kind: tar.TypeLink, link: "./h"})},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := into(t, c.archive, c.format, roomy)
			expectCode(t, err, fault.ArchiveCorrupt, "cannot be read")
		})
	}
}

// Links that were there before the archive came, as a program running beside it could make them.
func TestLinksOnTheDiskAreNotFollowed(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "work")
	check(t, os.MkdirAll(filepath.Join(base, "outside"), 0o755))
	check(t, os.Mkdir(dir, 0o755))
	check(t, os.Symlink("../outside", filepath.Join(dir, "d")))
	check(t, os.Symlink("../outside/f", filepath.Join(dir, "f")))
	for _, name := range []string{"d/x", "f"} {
		tree, err := OpenTree(dir, uid, gid, roomy)
		check(t, err)
		err = Archive(bytes.NewReader(tarOf(t, entry{name: name, body: "x"})), "tar", tree, base)
		expectCode(t, err, fault.ArchiveUnsafe, "")
		tree.Close()
	}
	if entries, err := os.ReadDir(filepath.Join(base, "outside")); err != nil || len(entries) > 0 {
		t.Errorf("written outside: %v, %v", entries, err)
	}
}

// Whatever the bytes, nothing leaves the tree, nothing in it is a device or a link that leads out, the limits hold,
// and a failure is one of the protocol's.
func FuzzUnpack(f *testing.F) {
	formats := []string{"tar", "tar.gz", "tar.zst", "zip"}
	entries := program()
	entries[0].kind = tar.TypeDir
	plain := tarOf(f, entries...)
	for _, archive := range [][]byte{
		plain, gzipped(f, plain), zstded(f, plain),
		zipOf(f, entry{name: "a/b", body: "x"}, entry{name: "l", body: "a", mode: syscall.S_IFLNK | 0o777}),
		tarOf(f, entry{name: "l", kind: tar.TypeSymlink, link: "../secret"}, entry{name: "l", body: "x"}),
	} {
		for format := range formats {
			f.Add(byte(format), archive)
		}
	}
	f.Fuzz(func(t *testing.T, format byte, archive []byte) {
		dir, err := into(t, archive, formats[int(format)%len(formats)], Limits{Bytes: 1 << 16, Files: 20})
		var refusal *fault.Error
		if err != nil && !errors.As(err, &refusal) {
			t.Errorf("an error without a code: %v", err)
		}
		checkTree(t, dir)
	})
}

func checkTree(t *testing.T, dir string) {
	t.Helper()
	var bytes, files int64
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		check(t, err)
		name, err := filepath.Rel(dir, path)
		check(t, err)
		if name == "." {
			return nil
		}
		files++
		info, err := d.Info()
		check(t, err)
		switch {
		case info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) != 0:
			t.Errorf("%q has mode %v", name, info.Mode())
		case info.Mode().IsRegular():
			bytes += info.Size()
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			check(t, err)
			check(t, checkLink(name, target))
		case !info.IsDir():
			t.Errorf("%q is a %v", name, info.Mode())
		}
		return nil
	}))
	// A hard link's file is counted once a name here, and the file that broke the limit is there up to one buffer more.
	if files > 20 || bytes > 20*(1<<16+128<<10) {
		t.Errorf("%d files of %d bytes", files, bytes)
	}
}
