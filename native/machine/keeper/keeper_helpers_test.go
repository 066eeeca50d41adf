package keeper

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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

const bootTries = 4

func startKeeper(t *testing.T, behaviour string) *bench {
	t.Helper()
	dir := t.TempDir()
	spec := Spec{
		Argv:    []string{os.Args[0], "qemu", behaviour, filepath.Join(dir, "starts")},
		About:   json.RawMessage(`{"port":8080}`),
		Control: filepath.Join(dir, "control.sock"), ConsoleLog: filepath.Join(dir, "console.log"), ConsoleLimitBytes: 4096,
		BootTimeoutMs: 1500, BootTries: bootTries, PingEveryMs: 50, PingTimeoutMs: 1000, StopTimeoutMs: 1000, MaxRestarts: 2, RestartWindowMs: 60_000,
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
