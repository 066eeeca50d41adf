package session

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"vulcan/native/wire"
)

func TestStdin(t *testing.T) {
	c := dial(t)
	c.exec("cat; echo end", answer{"stdin": true})
	check(t, c.out.Data(wire.Stdin, []byte("one ")))
	if frame := c.frame(); string(frame.Payload) != "one " {
		t.Fatalf("got %q", frame.Payload)
	}
	check(t, c.out.Data(wire.Stdin, []byte("two\n")))
	check(t, c.out.End(wire.Stdin))
	if e := c.follow(); e.stdout != "two\nend\n" {
		t.Errorf("%q", e.stdout)
	}
}

func TestMuchStdinComesThroughWhole(t *testing.T) {
	c := dial(t)
	data := make([]byte, 5<<20)
	source := rand.NewChaCha8([32]byte{})
	_, _ = source.Read(data)
	c.exec("sleep 0.1; sha256sum", answer{"stdin": true})
	check(t, c.out.Data(wire.Stdin, data))
	check(t, c.out.End(wire.Stdin))
	sum := sha256.Sum256(data)
	if e := c.follow(); !strings.HasPrefix(e.stdout, hex.EncodeToString(sum[:])) {
		t.Errorf("another sum: %q", e.stdout)
	}
}

// A program that takes no input must not keep a kill, or a ping, from getting through behind it.
func TestAKillBehindStdinThatNobodyTakes(t *testing.T) {
	c := dial(t)
	c.exec("sleep 1000", answer{"stdin": true})
	check(t, c.out.Data(wire.Stdin, make([]byte, 8<<20)))
	c.expectOk(c.ask(answer{"op": "ping"}))
	c.send(answer{"op": "kill", "signal": "SIGKILL"})
	if e := c.follow(); e.exit["signal"] != "SIGKILL" {
		t.Errorf("exit %v", e.exit)
	}
}

func TestStdinAfterTheProgramsEnd(t *testing.T) {
	c := dial(t)
	c.exec("exec <&-; exit 0", answer{"stdin": true})
	c.follow()
	check(t, c.out.Data(wire.Stdin, make([]byte, 1<<20)))
	c.expectError(c.ask(execRequestOf(c, nil)), "bad_request") // its end is due first
	check(t, c.out.End(wire.Stdin))
	if e := c.run("echo next", nil); e.stdout != "next\n" {
		t.Errorf("%v", e)
	}
}

// Input is spooled on the disk that the program may have filled.
func TestStdinOnAFullDisk(t *testing.T) {
	c := dial(t)
	spool := c.root + "/spool"
	check(t, mountTmpfs(spool, "size=256k"))
	t.Cleanup(func() { c.finish(); check(t, unmount(spool)) })
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	c.exec("sleep 0.1; sha256sum", answer{"stdin": true})
	check(t, c.out.Data(wire.Stdin, data))
	check(t, c.out.End(wire.Stdin))
	sum := sha256.Sum256(data)
	if e := c.follow(); !strings.HasPrefix(e.stdout, hex.EncodeToString(sum[:])) {
		t.Errorf("another sum: %q", e.stdout)
	}
}

// standing waits until a program makes no more progress.
func standing(t *testing.T, progress string) {
	t.Helper()
	for same, last := 0, ""; same < 10; {
		time.Sleep(30 * time.Millisecond)
		now, _ := os.ReadFile(progress)
		if string(now) == last {
			same++
		} else {
			same, last = 0, string(now)
		}
	}
}

// Nothing is read for a while: the program stands still with a bounded amount on the way, and then all of it comes.
func TestAHostThatReadsSlowlySlowsTheProgram(t *testing.T) {
	c := dial(t)
	progress := c.root + "/work/progress"
	c.exec("for i in $(seq 64); do head -c 1048576 /dev/zero; echo $i > progress; done", nil)
	standing(t, progress)
	if last, _ := os.ReadFile(progress); string(last) == "64\n" {
		t.Fatal("64 MiB were written although nobody read")
	}
	if e := c.follow(); len(e.stdout) != 64<<20 || e.exit["code"] != 0.0 {
		t.Errorf("%d bytes, exit %v", len(e.stdout), e.exit)
	}
}

// Somebody outside the program's group holds its output: without a bound the exit would never come.
func TestAPipeThatIsHeldOutsideDoesNotHoldTheExit(t *testing.T) {
	c := dial(t)
	began := time.Now()
	e := c.run("setsid sleep 1000 & echo $!; exit 0", nil)
	if e.exit["code"] != 0.0 || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %v", e.exit, time.Since(began))
	}
	killPid(t, e.stdout)
}
