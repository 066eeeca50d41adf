package keeper

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAMachineComesUpAndPowersOffWhenToldTo(t *testing.T) {
	t.Parallel()
	b := startKeeper(t, "behaves")
	status := b.until("ready", ready)
	if status.Restarts != 0 || status.UpAfterMs == 0 || string(status.About) != `{"port":8080}` || !alive(status.QemuPid) {
		t.Errorf("status %+v", status)
	}
	b.order("stop")
	b.until("stopped", func(s Status) bool { return s.State == "stopped" })
	if err := b.process.Wait(); err != nil {
		t.Errorf("the keeper ended with %v: %s", err, b.stderr.String())
	}
	if alive(status.QemuPid) {
		t.Error("QEMU outlived the stop")
	}
	console, err := os.ReadFile(filepath.Join(b.dir, "console.log"))
	if err != nil || string(console) != "console says hello\n" {
		t.Errorf("console %q, %v", console, err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "control.sock")); !os.IsNotExist(err) {
		t.Errorf("the control socket is still there: %v", err)
	}
}

func TestAServerIsStartedAnewAndTheNewsPassedOn(t *testing.T) {
	t.Parallel()
	b := startKeeper(t, "behaves")
	b.until("ready", ready)
	b.order("restart_server")
	var heard []string
	for b.lines.Scan() {
		var event struct{ Event, State string }
		json.Unmarshal(b.lines.Bytes(), &event)
		heard = append(heard, event.Event+event.State)
		if event.Event == "server_ready" && len(heard) > 1 && slices.Contains(heard, "server_exit") {
			break
		}
	}
	if !slices.Contains(heard, "statusup") {
		t.Errorf("no status in between: %v", heard)
	}
}

func TestAMachineThatDoesNotObeyIsKilled(t *testing.T) {
	t.Parallel()
	b := startKeeper(t, "does not obey")
	status := b.until("ready", ready)
	b.process.Process.Signal(unix.SIGTERM)
	if err := b.process.Wait(); err != nil {
		t.Errorf("the keeper ended with %v", err)
	}
	if alive(status.QemuPid) {
		t.Error("QEMU outlived the keeper")
	}
}

func TestQemuDiesWithItsKeeper(t *testing.T) {
	t.Parallel()
	b := startKeeper(t, "behaves")
	status := b.until("ready", ready)
	b.process.Process.Kill()
	b.process.Wait()
	deadline := time.Now().Add(5 * time.Second)
	for alive(status.QemuPid) && !isZombie(status.QemuPid) {
		if time.Now().After(deadline) {
			t.Fatal("QEMU outlived the keeper")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// An orphan of the test is reaped by whatever process 1 is here, in its own time.
func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func TestOrdersThatAreNotForClientsAreRefused(t *testing.T) {
	t.Parallel()
	b := startKeeper(t, "behaves")
	b.until("ready", ready)
	b.order("poweroff")
	for b.lines.Scan() {
		if strings.Contains(b.lines.Text(), "refused") {
			return
		}
	}
	t.Error("it was not refused")
}
