package keeper

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary plays both programs: the keeper itself, since it owns a thread and signals, and the QEMU it keeps.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "keep" {
		if err := Run(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 4 && os.Args[1] == "qemu" {
		playQemu(os.Args[2], os.Args[3])
	}
	os.Exit(m.Run())
}

// playQemu is a machine that behaves; each start appends a line to the file, and what is odd happens in the first only.
func playQemu(behaviour, starts string) {
	before, _ := os.ReadFile(starts)
	os.WriteFile(starts, append(before, 'x', '\n'), 0o600)
	first := len(before) == 0
	fmt.Println("console says hello")
	switch {
	case behaviour == "dies", behaviour == "dies once" && first:
		fmt.Println("last words")
		os.Exit(3)
	case behaviour == "never up", behaviour == "late" && first:
		time.Sleep(time.Hour)
	case behaviour == "init fails":
		os.NewFile(3, "events").WriteString(`{"event":"failed","step":"root","error":"no disk"}` + "\n")
		os.Exit(0)
	}
	port := os.NewFile(3, "events")
	fmt.Fprintln(port, `{"event":"up"}`)
	fmt.Fprintln(port, `{"event":"server_ready"}`)
	orders := bufio.NewScanner(port)
	for orders.Scan() {
		var order struct{ Op string }
		json.Unmarshal(orders.Bytes(), &order)
		switch {
		case order.Op == "ping" && behaviour == "hangs once" && first:
			time.Sleep(time.Hour)
		case order.Op == "ping":
			fmt.Fprintln(port, `{"event":"pong"}`)
		case order.Op == "restart_server":
			fmt.Fprintln(port, `{"event":"server_exit","asked":true}`)
			fmt.Fprintln(port, `{"event":"server_ready"}`)
		case order.Op == "poweroff" && behaviour != "does not obey":
			os.Exit(0)
		}
	}
	os.Exit(1)
}

type bench struct {
	t       *testing.T
	dir     string
	process *exec.Cmd
	stderr  strings.Builder
	conn    net.Conn
	lines   *bufio.Scanner
}

func startKeeper(t *testing.T, behaviour string) *bench {
	t.Helper()
	dir := t.TempDir()
	spec := Spec{
		Argv:    []string{os.Args[0], "qemu", behaviour, filepath.Join(dir, "starts")},
		About:   json.RawMessage(`{"port":8080}`),
		Control: filepath.Join(dir, "control.sock"), ConsoleLog: filepath.Join(dir, "console.log"), ConsoleLimitBytes: 4096,
		BootTimeoutMs: 1500, PingEveryMs: 50, PingTimeoutMs: 1000, StopTimeoutMs: 1000, MaxRestarts: 2, RestartWindowMs: 60_000,
	}
	content, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, dir: dir, process: exec.Command(os.Args[0], "keep", path)}
	stdout, err := b.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.process.Stderr = &b.stderr
	if err := b.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.process.Process.Kill()
		b.process.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "listening\n" {
		t.Fatalf("the keeper said %q, %v", line, err)
	}
	b.conn, err = net.Dial("unix", spec.Control)
	if err != nil {
		t.Fatal(err)
	}
	b.conn.SetDeadline(time.Now().Add(20 * time.Second))
	b.lines = bufio.NewScanner(b.conn)
	return b
}

// until reads the keeper's words up to a status that fits.
func (b *bench) until(what string, fits func(Status) bool) Status {
	b.t.Helper()
	for b.lines.Scan() {
		var status Status
		if json.Unmarshal(b.lines.Bytes(), &status) == nil && status.Event == "status" && fits(status) {
			return status
		}
	}
	b.t.Fatalf("the keeper never said %s; its errors: %s", what, b.stderr.String())
	return Status{}
}

func (b *bench) order(op string) { fmt.Fprintf(b.conn, `{"op":%q}`+"\n", op) }

func ready(s Status) bool { return s.State == "ready" }

func alive(pid int) bool { return unix.Kill(pid, 0) == nil }

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

func TestABootIsTriedTwiceAndNotMore(t *testing.T) {
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
			if string(starts) != "x\nx\n" {
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
