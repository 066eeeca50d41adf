package session

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"vulcan/native/wire"
)

// tenMinutes is longer than any test: a run that is kept so long is kept.
const tenMinutes = 600_000

func (c *client) execKept(script string, more answer) {
	c.t.Helper()
	request := answer{"run": "r", "tag": "program", "keep_ms": tenMinutes}
	for key, value := range more {
		request[key] = value
	}
	c.exec(script, request)
}

func (c *client) attach(stdout, stderr int64) answer {
	c.t.Helper()
	return c.ask(answer{"op": "attach", "run": "r", "stdout": stdout, "stderr": stderr})
}

func (c *client) expectAttached(stdout, stderr int64, tag string) answer {
	c.t.Helper()
	got := c.attach(stdout, stderr)
	if got["op"] != "attached" || got["tag"] != tag {
		c.t.Fatalf("got %v, want attached to the %s", got, tag)
	}
	return got
}

func TestARunGoesOnWithoutItsHost(t *testing.T) {
	g := newGuest(t)
	first := g.dial()
	first.execKept("echo one; read line; echo $line >&2; echo two", answer{"stdin": true})
	if frame := first.frame(); string(frame.Payload) != "one\n" {
		t.Fatalf("%q", frame.Payload)
	}
	first.close()
	second := g.dial()
	if got := second.expectAttached(2, 0, "program"); got["stdin_ended"] != false || got["ended"] != false || got["wall_us"].(float64) <= 0 {
		t.Errorf("%v", got)
	}
	check(t, second.out.Data(wire.Stdin, []byte("typed\n")))
	if e := second.follow(); e.stdout != "e\ntwo\n" || e.stderr != "typed\n" || e.exit["code"] != 0.0 {
		t.Errorf("%v", e)
	}
}

func TestAnEndThatNobodyHeardIsKept(t *testing.T) {
	g := newGuest(t)
	first := g.dial()
	first.execKept(`echo out; printf '{"a":1}' > $VULCAN_RESULT; exit 3`, answer{"stdin": true})
	first.close()
	// Once by whoever comes too late to see the program, and again by the next.
	for range 2 {
		c := g.dial()
		c.expectAttached(0, 0, "program")
		e := c.follow()
		if e.stdout != "out\n" || e.exit["code"] != 3.0 || e.result != `{"a":1}` {
			t.Errorf("%v", e)
		}
		if got := c.ask(answer{"op": "ping"}); got["op"] != "ok" {
			t.Errorf("%v", got)
		}
		c.close()
	}
	c := g.dial()
	if got := c.expectAttached(4, 0, "program"); got["stdin_ended"] != true || got["ended"] != true || got["wall_us"].(float64) <= 0 {
		t.Errorf("%v", got)
	}
	if e := c.follow(); e.stdout != "" || e.exit["code"] != 3.0 {
		t.Errorf("%v", e)
	}
}

func TestOutputThatNobodyAcknowledgesSlowsTheProgram(t *testing.T) {
	c := newGuest(t).dial()
	c.execKept("head -c 8388608 /dev/zero", nil)
	var received int64
	// The window is filled, and nothing comes beyond it.
	for received < 1<<20 {
		received += int64(len(c.frame().Payload))
	}
	if received != 1<<20 {
		t.Fatalf("%d bytes came without an acknowledgement", received)
	}
	c.expectOk(c.ask(answer{"op": "ping"})) // the very next frame
	c.stdout, c.acks = received, true
	c.acknowledge(wire.Frame{})
	if e := c.follow(); len(e.stdout) != 7<<20 || e.exit["code"] != 0.0 {
		t.Errorf("%d bytes, exit %v", len(e.stdout), e.exit)
	}
}

// What one stream retains must not keep the other from moving.
func TestAStreamThatIsNotAcknowledgedDoesNotHoldTheOther(t *testing.T) {
	c := newGuest(t).dial()
	c.execKept("printf '\\303'; sleep 0.1; head -c 4194304 /dev/zero >&2", nil)
	c.holdStdout = true
	if e := c.follow(); len(e.stderr) != 4<<20 {
		t.Errorf("%d bytes", len(e.stderr))
	}
	c.close()
	again := c.guest.dial()
	again.expectAttached(0, c.stderr, "program")
	if e := again.follow(); e.stdout != "\303" || e.stderr != "" {
		t.Errorf("%q, %d bytes", e.stdout, len(e.stderr))
	}
}

func TestARunThatNobodyComesForIsKilled(t *testing.T) {
	g := newGuest(t)
	c := g.dial()
	c.execKept("echo $$; exec cat /dev/zero", answer{"keep_ms": 100})
	line, _, _ := strings.Cut(string(c.frame().Payload), "\n")
	pid, err := strconv.Atoi(line)
	check(t, err)
	c.close()
	select {
	case <-g.abandoned:
	case <-time.After(patience):
		t.Fatal("the run is still kept")
	}
	waitGone(t, pid)
	late := g.dial()
	late.expectError(late.attach(0, 0), "no_run")
}

func TestARunThatIsTakenUpInTimeIsNotKilled(t *testing.T) {
	g := newGuest(t)
	first := g.dial()
	first.execKept("read line; echo $line", answer{"stdin": true, "keep_ms": 2000})
	first.close()
	second := g.dial()
	second.expectAttached(0, 0, "program")
	check(t, second.out.Data(wire.Stdin, []byte("here\n")))
	second.follow()
	select {
	case <-g.abandoned:
		t.Error("the run was given up although it had a host")
	default:
	}
}

func TestAttachTakesARunFromWhoStillSeemsToHoldIt(t *testing.T) {
	g := newGuest(t)
	first := g.dial()
	first.execKept("echo up; exec sleep 1000", answer{"stdin": true})
	first.frame()
	check(t, first.out.Data(wire.Stdin, []byte("12345")))
	first.expectOk(first.ask(answer{"op": "ping"})) // what came before it was taken
	second := g.dial()
	if got := second.expectAttached(3, 0, "program"); got["stdin_bytes"] != 5.0 {
		t.Errorf("%v", got)
	}
	<-first.served
	check(t, second.out.Data(wire.Stdin, []byte("6")))
	second.send(answer{"op": "kill", "signal": "SIGKILL"})
	if e := second.follow(); e.stdout != "" || e.exit["signal"] != "SIGKILL" {
		t.Errorf("%v", e)
	}
}

func TestABuildAndItsProgramAreOneRun(t *testing.T) {
	g := newGuest(t)
	first := g.dial()
	first.execKept("echo built", answer{"tag": "build"})
	first.close()
	second := g.dial()
	second.expectAttached(0, 0, "build")
	if e := second.follow(); e.stdout != "built\n" || e.exit["code"] != 0.0 {
		t.Errorf("%v", e)
	}
	second.execKept("echo ran; sleep 1000", nil)
	second.frame()
	second.close()
	third := g.dial()
	third.expectAttached(4, 0, "program")
	text := ""
	for len(text) < 6 {
		text += string(third.frame().Payload)
	}
	if text != "t\nran\n" {
		t.Errorf("behind the first 4 bytes: %q", text)
	}
	third.send(answer{"op": "kill", "signal": "SIGKILL"})
	third.follow()
}
