package session

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestAttachesAndKeptExecsThatAreRefused(t *testing.T) {
	g := newGuest(t)
	c := g.dial()
	c.expectError(c.ask(answer{"op": "attach", "run": "other"}), "no_run")
	c.expectError(c.ask(answer{"op": "attach"}), "bad_request")
	for _, more := range []answer{
		{"keep_ms": 1}, {"keep_ms": 1, "run": "r"}, {"keep_ms": 1, "run": "r", "tag": "other"}, {"keep_ms": -1},
	} {
		c.expectError(c.ask(execRequestOf(c, more)), "bad_request")
	}
	c.execKept("echo 123; sleep 1000", nil)
	c.frame()
	c.send(answer{"op": "ack", "stdout": 2, "stderr": 0})
	c.expectError(c.attach(2, 0), "busy")
	other := g.dial()
	for _, seen := range [][2]int64{{1, 0}, {5, 0}, {2, 1}, {2, -1}} {
		got := other.attach(seen[0], seen[1])
		other.expectError(got, "bad_request")
		if words := fmt.Sprintf("stdout %d and stderr %d", seen[0], seen[1]); !strings.Contains(got["message"].(string), words) {
			t.Errorf("%v says nothing of %s", got, words)
		}
	}
	other.expectError(other.ask(execRequestOf(other, answer{"run": "r", "tag": "program", "keep_ms": 1})), "busy")
	c.expectOk(c.ask(answer{"op": "ping"})) // c holds it still
	c.send(answer{"op": "kill", "signal": "SIGKILL"})
	c.follow()
	c.expectError(c.ask(execRequestOf(c, nil)), "bad_request") // this session keeps another run
}

// Who was told that a run never began may begin it elsewhere: it must not begin here after all.
func TestARunThatWasAskedForBeforeItBeganDoesNotBegin(t *testing.T) {
	g := newGuest(t)
	late := g.dial()
	asking := g.dial()
	asking.expectError(asking.attach(0, 0), "no_run")
	late.expectError(late.ask(execRequestOf(late, answer{"run": "r", "tag": "program", "keep_ms": 1})), "no_run")
	late.execKept("true", answer{"run": "another"})
	late.follow()
}

func TestAMissingHostLetsNothingPileUp(t *testing.T) {
	g := newGuest(t)
	c := g.dial()
	progress := g.root + "/work/progress"
	c.execKept("for i in $(seq 64); do head -c 1048576 /dev/zero; echo $i > progress; done", nil)
	c.close()
	standing(t, progress)
	if last, _ := os.ReadFile(progress); string(last) == "64\n" {
		t.Error("64 MiB were written although nobody is there")
	}
	again := g.dial()
	again.expectAttached(0, 0, "program")
	again.acks = true
	if e := again.follow(); len(e.stdout) != 64<<20 {
		t.Errorf("%d bytes", len(e.stdout))
	}
}
