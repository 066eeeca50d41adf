package session

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"vulcan/native/wire"
)

func TestKillEndsAllOfTheProgram(t *testing.T) {
	c := dial(t)
	c.exec("sleep 1000 & echo $!; wait", nil)
	child, err := strconv.Atoi(strings.TrimSpace(string(c.frame().Payload)))
	check(t, err)
	c.send(answer{"op": "kill", "signal": "SIGKILL"})
	if e := c.follow(); e.exit["signal"] != "SIGKILL" {
		t.Errorf("exit %v", e.exit)
	}
	waitGone(t, child)
}

func TestOtherSignalsReachTheMainProcess(t *testing.T) {
	c := dial(t)
	c.exec("trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done", nil)
	c.frame()
	c.send(answer{"op": "kill", "signal": "SIGTERM"})
	if e := c.follow(); e.stdout != "caught\n" || e.exit["code"] != 5.0 {
		t.Errorf("%v", e)
	}
}

func TestWhatTheProgramLeavesRunningIsKilled(t *testing.T) {
	c := dial(t)
	e := c.run("sleep 1000 & echo $!; exit 0", nil)
	child, err := strconv.Atoi(strings.TrimSpace(e.stdout))
	check(t, err)
	if e.exit["code"] != 0.0 {
		t.Errorf("exit %v", e.exit)
	}
	waitGone(t, child)
}

func TestTheConnectionClosingKillsTheProgram(t *testing.T) {
	c := dial(t)
	c.exec("sleep 1000 & echo $!; cat /dev/zero", nil)
	line, _, _ := strings.Cut(string(c.frame().Payload), "\n")
	child, err := strconv.Atoi(line)
	check(t, err)
	c.conn.Close()
	<-c.served
	waitGone(t, child)
}

// waitGone waits for the kernel to have taken a killed process away: it is an orphan, reaped by an init that is not us.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(patience); alive(pid); {
		if state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d still runs", pid)
		}
	}
}

func TestPingAndBusyWhileAProgramRuns(t *testing.T) {
	c := dial(t)
	c.exec("sleep 1000", nil)
	c.expectOk(c.ask(answer{"op": "ping"}))
	c.expectError(c.ask(execRequestOf(c, nil)), "busy")
	c.expectError(c.ask(answer{"op": "write", "path": "f", "mode": 420}), "busy")
	check(t, c.out.Data(wire.Upload, []byte("dropped")))
	check(t, c.out.End(wire.Upload))
	c.expectError(c.ask(answer{"op": "kill", "signal": "SIGNOTHING"}), "bad_request")
	c.send(answer{"op": "kill", "signal": "SIGKILL"})
	c.follow()
	c.send(answer{"op": "kill", "signal": "SIGKILL"}) // nobody there: no answer
	c.expectOk(c.ask(answer{"op": "ping"}))
}
