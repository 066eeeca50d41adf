package unpack

import (
	"strings"

	"vulcan/native/guest/fault"
)

// Clean turns an entry's name into a path below the tree without `.`, `..` or doubled slashes; empty for the tree itself.
func Clean(name string) (string, error) {
	switch {
	case name == "":
		return "", unsafef("an entry without a name")
	case strings.ContainsRune(name, 0):
		return "", unsafef("%q: a name with a zero byte", name)
	case strings.HasPrefix(name, "/"):
		return "", unsafef("%q: an absolute path", short(name))
	case len(name) > 4095:
		return "", unsafef("%q: a path of %d bytes", short(name), len(name))
	}
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "" || part == ".":
		case part == "..":
			return "", unsafef("%q: a path that leaves the tree by ..", short(name))
		case len(part) > 255:
			return "", unsafef("%q: a name of %d bytes", short(name), len(part))
		default:
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/"), nil
}

// checkLink refuses a symbolic link that can lead out of the tree, whatever else is unpacked. Its directory is a real
// one, so leading `..` climb the path that its name shows. `..` behind a name is refused altogether: that name may be a
// link itself, and then what the words say is not where the kernel goes.
func checkLink(name, target string) error {
	switch {
	case target == "":
		return unsafef("%q: a link to nothing", short(name))
	case strings.ContainsRune(target, 0):
		return unsafef("%q: a link to a name with a zero byte", short(name))
	case strings.HasPrefix(target, "/"):
		return unsafef("%q: a link to the absolute path %q", short(name), short(target))
	case len(target) > 4095:
		return unsafef("%q: a link to a path of %d bytes", short(name), len(target))
	}
	depth, descended := strings.Count(name, "/"), false
	for part := range strings.SplitSeq(target, "/") {
		switch {
		case part == "" || part == ".":
		case part != "..":
			descended = true
		case descended:
			return unsafef("%q: a link to %q, with .. behind a name", short(name), short(target))
		case depth == 0:
			return unsafef("%q: a link to %q, which leaves the tree", short(name), short(target))
		default:
			depth--
		}
	}
	return nil
}

func unsafef(format string, args ...any) error {
	return fault.New(fault.ArchiveUnsafe, "unpack", "the archive was refused: "+format, args...)
}

func corruptf(format string, args ...any) error {
	return fault.New(fault.ArchiveCorrupt, "unpack", "the archive cannot be read: "+format, args...)
}

func tooLargef(format string, args ...any) error {
	return fault.New(fault.ArchiveTooLarge, "unpack", "the archive is too large: "+format, args...)
}

// short keeps a hostile name from filling a message.
func short(name string) string {
	const most = 200
	if len(name) <= most {
		return name
	}
	return name[:most] + "…"
}
