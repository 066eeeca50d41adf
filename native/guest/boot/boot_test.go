package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOptions(t *testing.T) {
	for cmdline, want := range map[string]Options{
		"": {Root: "/dev/vda", Disk: "/dev/vdb"},
		"quiet panic=1 vulcan.root=/dev/vdc vulcan.disk=tmpfs:64 ipv6.disable=1\n": {Root: "/dev/vdc", Disk: "tmpfs:64"},
		"xvulcan.root=/dev/no": {Root: "/dev/vda", Disk: "/dev/vdb"},
	} {
		if got := ParseOptions(cmdline); got != want {
			t.Errorf("%q became %v", cmdline, got)
		}
	}
}

func TestTheUserIsAddedWhereItsNumberIsFree(t *testing.T) {
	const line = "vulcan:x:1000:1000::/home/vulcan:/bin/sh"
	for text, want := range map[string]string{
		"":                              line + "\n",
		"root:x:0:0::/root:/bin/sh":     "root:x:0:0::/root:/bin/sh\n" + line + "\n",
		"root:x:0:0::/root:/bin/sh\n":   "root:x:0:0::/root:/bin/sh\n" + line + "\n",
		"node:x:1000:1000::/home/node:": "",
		"broken\n":                      "broken\n" + line + "\n",
		"a:x:10001:10001::/:\n":         "a:x:10001:10001::/:\n" + line + "\n",
	} {
		got, changed := withEntry(text, line)
		if changed != (want != "") || (changed && got != want) {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestADeviceThatIsThereIsNotWaitedFor(t *testing.T) {
	if err := waitForDevice("/dev/null", time.Now()); err != nil {
		t.Error(err)
	}
}

func TestADeviceThatDoesNotComeIsNamed(t *testing.T) {
	began := time.Now()
	err := waitForDevice("/dev/no-such-disk", began.Add(50*time.Millisecond))
	if err == nil || !strings.Contains(err.Error(), "/dev/no-such-disk") || time.Since(began) < 50*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestFoldersAreMadeRightAndLeftAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a/b")
	for range 2 {
		if err := ensureDir(folder{dir, 0o777 | os.ModeSticky, 1000, 1000}); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode() != 0o777|os.ModeSticky|os.ModeDir {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	}
}
