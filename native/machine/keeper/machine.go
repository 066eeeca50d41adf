package keeper

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// machine is one QEMU process with our end of its events port.
type machine struct {
	command *exec.Cmd
	port    net.Conn
	lines   chan json.RawMessage
	exited  chan error
	// stalled is told once its kernel says that a processor does nothing.
	stalled chan struct{}
	began   time.Time
}

func (k *keeper) start() (*machine, error) {
	if err := k.console.Rotate(); err != nil {
		return nil, err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	console, consoleEnd, err := os.Pipe()
	if err != nil {
		ours.Close()
		return nil, err
	}
	defer consoleEnd.Close()
	m := &machine{
		command: exec.Command(k.spec.Argv[0], k.spec.Argv[1:]...),
		port:    ours, lines: make(chan json.RawMessage, 64), exited: make(chan error, 1),
		stalled: make(chan struct{}, 1), began: time.Now(),
	}
	m.command.Stdout, m.command.Stderr = consoleEnd, consoleEnd
	m.command.ExtraFiles = []*os.File{theirs}
	m.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL}
	if err := m.command.Start(); err != nil {
		ours.Close()
		console.Close()
		return nil, err
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		k.console.Copy(&stalls{ReadCloser: console, told: m.stalled})
	}()
	go m.read()
	go func() {
		err := m.command.Wait()
		// The last words are in the log before anybody hears of the end.
		<-copied
		m.exited <- err
	}()
	return m, nil
}

// socketPair gives our end as a connection and QEMU's as a file.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "events"), os.NewFile(uintptr(fds[1]), "events")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

func (m *machine) read() {
	defer close(m.lines)
	scanner := bufio.NewScanner(m.port)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if json.Valid(scanner.Bytes()) {
			m.lines <- append(json.RawMessage(nil), scanner.Bytes()...)
		}
	}
}

// order sends one to the machine. A QEMU that takes nothing must not hold us up: the watchdog sees to it.
func (m *machine) order(op string) {
	m.port.SetWriteDeadline(time.Now().Add(time.Second))
	json.NewEncoder(m.port).Encode(map[string]string{"op": op})
}

// end kills QEMU, waits for it and lets nothing of it linger.
func (m *machine) end() {
	m.command.Process.Kill()
	<-m.exited
	m.close()
}

func (m *machine) close() {
	m.port.Close()
	for range m.lines {
	}
}

// once runs one QEMU to its end and says why it ended, or nothing when it was meant to.
func (k *keeper) once() string {
	m, err := k.start()
	if err != nil {
		return fmt.Sprintf("QEMU could not be started: %v", err)
	}
	k.update(func(s *Status) {
		s.State, s.QemuPid, s.StartedUnixMs, s.UpAfterMs, s.ReadyAfterMs = "starting", m.command.Process.Pid, m.began.UnixMilli(), 0, 0
	})
	watch := newWatch(k.spec)
	defer watch.stop()
	lines, told := m.lines, ""
	for {
		select {
		case line, open := <-lines:
			if !open {
				lines = nil
				continue
			}
			watch.heard()
			told = k.hear(m, line, told)
		case err := <-m.exited:
			m.close()
			if told != "" {
				return told
			}
			return fmt.Sprintf("QEMU ended by itself (%s)", endOf(err))
		case <-watch.boot.C:
			if !k.isUp() {
				m.end()
				return fmt.Sprintf("the machine did not come up within %v", ms(k.spec.BootTimeoutMs))
			}
		case <-m.stalled:
			// A machine that is up may stall for a while, on a host that is busy; one that boots does not come back.
			if !k.isUp() {
				m.end()
				return "a processor of the machine stalled while it booted"
			}
		case <-watch.pings.C:
			if k.isUp() && watch.silent() {
				m.end()
				return fmt.Sprintf("the machine did not answer for %v", ms(k.spec.PingTimeoutMs))
			}
			m.order("ping")
		case op := <-k.orders:
			if op == "stop" {
				k.stop(m)
				return ""
			}
			m.order(op)
		}
	}
}

// hear takes one event of the machine, passes it on, and returns the reason of a failure it told us of.
func (k *keeper) hear(m *machine, line json.RawMessage, told string) string {
	var event struct{ Event, Step, Error string }
	if err := json.Unmarshal(line, &event); err != nil {
		return told
	}
	after := time.Since(m.began).Milliseconds()
	switch event.Event {
	case "pong":
		return told
	case "up":
		k.everUp = true
		k.update(func(s *Status) { s.State, s.UpAfterMs = "up", after })
	case "server_ready":
		k.update(func(s *Status) { s.State, s.ReadyAfterMs = "ready", after })
	case "server_exit":
		k.update(func(s *Status) { s.State = "up" })
	case "failed":
		told = fmt.Sprintf("the machine's init failed at step %q: %s", event.Step, event.Error)
	}
	k.hub.tell(line)
	return told
}

func (k *keeper) isUp() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status.UpAfterMs > 0
}

// stop powers the machine off, then asks QEMU to quit, then kills it.
func (k *keeper) stop(m *machine) {
	up := k.isUp()
	k.update(func(s *Status) { s.State = "stopping" })
	if up {
		m.order("poweroff")
		if k.waitForExit(m, ms(k.spec.StopTimeoutMs)) {
			return
		}
	}
	m.command.Process.Signal(unix.SIGTERM)
	if !k.waitForExit(m, 5*time.Second) {
		m.end()
	}
}

func (k *keeper) waitForExit(m *machine, limit time.Duration) bool {
	timeout := time.After(limit)
	select {
	case <-m.exited:
		m.close()
		return true
	case <-timeout:
		return false
	}
}

func endOf(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}
