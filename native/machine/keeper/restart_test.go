package keeper

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAMachineThatHangsIsKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	b := startKeeper(t, "hangs once")
	first := b.until("ready", ready)
	second := b.until("ready again", func(s Status) bool { return ready(s) && s.Restarts == 1 })
	if second.QemuPid == first.QemuPid || alive(first.QemuPid) {
		t.Errorf("first %+v, second %+v", first, second)
	}
	if !strings.Contains(second.LastFailure, "did not answer") {
		t.Errorf("last failure %q", second.LastFailure)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "console.log.1")); err != nil {
		t.Errorf("the console of the one that hung is gone: %v", err)
	}
}

func TestABootIsTriedAsOftenAsIsSaidAndNotMore(t *testing.T) {
	t.Parallel()
	late := startKeeper(t, "late")
	if status := late.until("ready", ready); status.Restarts != 1 || !strings.Contains(status.LastFailure, "did not come up") {
		t.Errorf("status %+v", status)
	}
	for behaviour, reason := range map[string]string{
		"dies": "QEMU ended by itself (exit status 3)", "never up": "did not come up within 1.5s",
		"init fails": `init failed at step "root": no disk`,
	} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			b := startKeeper(t, behaviour)
			status := b.until("failed", func(s Status) bool { return s.State == "failed" })
			if !strings.Contains(status.LastFailure, reason) {
				t.Errorf("last failure %q", status.LastFailure)
			}
			if err := b.process.Wait(); err == nil {
				t.Error("the keeper ended as if all were well")
			}
			starts, _ := os.ReadFile(filepath.Join(b.dir, "starts"))
			if string(starts) != strings.Repeat("x\n", bootTries) {
				t.Errorf("started %d times", len(starts)/2)
			}
		})
	}
}

func TestAMachineThatKeepsDyingIsGivenUp(t *testing.T) {
	t.Parallel()
	b := startKeeper(t, "behaves")
	restarts := 0
	for range 3 {
		status := b.until("ready", func(s Status) bool { return ready(s) && s.Restarts == restarts })
		unix.Kill(status.QemuPid, unix.SIGKILL)
		restarts++
	}
	status := b.until("failed", func(s Status) bool { return s.State == "failed" })
	if !strings.Contains(status.LastFailure, "3 times in 1m0s") {
		t.Errorf("last failure %q", status.LastFailure)
	}
}
