package session

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"vulcan/native/wire"
)

func mountTmpfs(dir, options string) error { return syscall.Mount("tmpfs", dir, "tmpfs", 0, options) }
func unmount(dir string) error             { return syscall.Unmount(dir, 0) }

func killPid(t *testing.T, text string) {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	check(t, err)
	check(t, syscall.Kill(pid, syscall.SIGKILL))
}

func (c *client) upload(request answer, pieces ...string) answer {
	c.t.Helper()
	c.send(request)
	for _, piece := range pieces {
		check(c.t, c.out.Data(wire.Upload, []byte(piece)))
	}
	check(c.t, c.out.End(wire.Upload))
	return c.message()
}

func TestWrite(t *testing.T) {
	c := dial(t)
	got := c.upload(answer{"op": "write", "path": "./a/main.py", "mode": 0o4755}, "print(", "1)\n")
	c.expectOk(got)
	if got["bytes"] != 9.0 {
		t.Errorf("%v", got)
	}
	path := filepath.Join(c.root, "work/a/main.py")
	text, err := os.ReadFile(path)
	check(t, err)
	info, err := os.Stat(path)
	check(t, err)
	if string(text) != "print(1)\n" || info.Mode() != 0o755 || info.Sys().(*syscall.Stat_t).Uid != 1000 {
		t.Errorf("%q with %v of %v", text, info.Mode(), info.Sys())
	}
	c.expectOk(c.upload(answer{"op": "write", "path": "a/main.py", "mode": 420})) // empty, and written over
	if e := c.run("wc -c < a/main.py", nil); strings.TrimSpace(e.stdout) != "0" {
		t.Errorf("%q", e.stdout)
	}
}

func TestWritesThatAreRefusedLeaveTheConnectionInStep(t *testing.T) {
	c := dial(t)
	check(t, os.Symlink("/etc", filepath.Join(c.root, "work/etc")))
	for _, path := range []string{"/etc/x", "../x", "a/../../x", "", ".", "etc/x", "etc"} {
		c.expectError(c.upload(answer{"op": "write", "path": path, "mode": 420}, "text", strings.Repeat("more", 1<<18)), "bad_request")
	}
	c.expectError(c.upload(answer{"op": "write", "path": "f", "mode": 420, "more": 1}, "text"), "bad_request")
	c.expectOk(c.ask(answer{"op": "ping"}))
}

func TestAStartThatIsSentBehindAnUploadIsRefusedWithIt(t *testing.T) {
	c := dial(t)
	behind := execRequestOf(c, answer{"argv": []string{"cat", "f"}, "uploaded": true})
	c.expectError(c.ask(behind), "write_failed") // nothing was
	send := func(path string) {
		c.send(answer{"op": "write", "path": path, "mode": 420})
		check(t, c.out.Data(wire.Upload, []byte("text")))
		check(t, c.out.End(wire.Upload))
		c.send(behind)
	}
	begun := func(got answer, stdout string) {
		if got["op"] != "started" {
			t.Fatalf("got %v, want started", got)
		}
		if e := c.follow(); e.stdout != stdout {
			t.Errorf("it printed %q", e.stdout)
		}
	}
	send("../f")
	c.expectError(c.message(), "bad_request")
	c.expectError(c.message(), "write_failed")
	begun(c.ask(execRequestOf(c, nil)), "") // who waited for the answer knows what it starts
	send("f")
	c.expectOk(c.message())
	begun(c.message(), "text")
	c.exec("sleep 1000", nil)
	send("f")
	c.expectError(c.message(), "busy")
	c.expectError(c.message(), "busy")
	c.send(answer{"op": "kill", "signal": "SIGKILL"})
	c.follow()
	c.expectError(c.ask(behind), "write_failed")
}

func TestUnpack(t *testing.T) {
	c := dial(t)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	check(t, w.WriteHeader(&tar.Header{Name: "main.sh", Mode: 0o755, Size: 14}))
	_, err := w.Write([]byte("echo unpacked\n"))
	check(t, err)
	check(t, w.Close())
	request := answer{"op": "unpack", "format": "tar", "max_bytes": 1 << 20, "max_files": 10}
	got := c.upload(request, archive.String())
	c.expectOk(got)
	if got["bytes"] != 14.0 || got["files"] != 1.0 {
		t.Errorf("%v", got)
	}
	if e := c.run("sh main.sh", nil); e.stdout != "unpacked\n" {
		t.Errorf("%v", e)
	}
	request["max_bytes"] = 13
	c.expectError(c.upload(request, archive.String(), strings.Repeat("x", 3<<20)), "archive_too_large")
	request["max_bytes"], request["format"] = 100, "rar"
	c.expectError(c.upload(request, archive.String()), "bad_request")
	request["format"], request["max_files"] = "tar", 0
	c.expectError(c.upload(request), "bad_request")
	request["max_files"] = 1
	c.expectError(c.upload(request), "archive_corrupt")
	c.expectOk(c.ask(answer{"op": "ping"}))
}

func TestADiskThatIsFullIsNamed(t *testing.T) {
	c := dial(t)
	work := filepath.Join(c.root, "work")
	check(t, mountTmpfs(work, "size=64k,mode=777"))
	t.Cleanup(func() { c.finish(); check(t, unmount(work)) })
	c.expectError(c.upload(answer{"op": "write", "path": "f", "mode": 420}, strings.Repeat("x", 1<<20)), "disk_full")
	c.expectOk(c.ask(answer{"op": "ping"}))
}

func TestRequestsThatAreRefused(t *testing.T) {
	c := dial(t)
	for _, request := range []answer{
		{"op": "dance"}, {}, {"op": 7}, {"op": "ping", "more": 1}, {"op": "configure", "clock": 1}, {"op": "configure", "entropy": "?"},
		{"op": "shutdown", "when": "later"},
	} {
		c.expectError(c.ask(request), "bad_request")
	}
	c.expectError(c.ask(answer{"op": "configure", "hostname": "bad"}), "configure_failed")
	c.expectOk(c.ask(answer{
		"op": "configure", "hostname": "vm", "time_unix_ns": "1", "entropy": "AAEC",
		"network": answer{"mac": "06:00:00:00:00:01", "address": "10.0.0.5/16", "gateway": "10.0.0.1", "mtu": 1500, "nameservers": []string{"10.0.0.1"}},
	}))
}

func TestFramesOutOfPlaceEndTheSession(t *testing.T) {
	for name, send := range map[string]func(c *client) error{
		"an upload that nobody asked for": func(c *client) error { return c.out.Data(wire.Upload, []byte("x")) },
		"stdin without a program":         func(c *client) error { return c.out.End(wire.Stdin) },
		"the guest's own stream":          func(c *client) error { return c.out.Data(wire.Stdout, []byte("x")) },
		"control within an upload": func(c *client) error {
			c.send(answer{"op": "write", "path": "f", "mode": 420})
			return c.out.Control(answer{"op": "ping"})
		},
		"bytes that are no frame": func(c *client) error { _, err := c.conn.Write([]byte("GET / HTTP/1.1\r\n")); return err },
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t)
			check(t, send(c))
			if _, err := c.in.Next(); err == nil {
				t.Error("the session goes on")
			}
			<-c.served
			if c.err == nil {
				t.Error("the session ended well")
			}
		})
	}
}

func TestShutdown(t *testing.T) {
	c := dial(t)
	c.expectOk(c.ask(answer{"op": "shutdown"}))
	<-c.served
	if c.err != nil {
		t.Errorf("ended with %v", c.err)
	}
}

func TestACutConnectionIsAnError(t *testing.T) {
	c := dial(t)
	_, err := c.conn.Write([]byte{0, 0})
	check(t, err)
	c.conn.Close()
	<-c.served
	if c.err == nil {
		t.Error("half a header is taken for the end of a session")
	}
}
