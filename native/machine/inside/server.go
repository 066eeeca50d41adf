package inside

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/machine/logfile"
	"vulcan/native/reaper"
)

// serverConfig is what the host leaves in the config share: the command that is the server, and its whole environment.
type serverConfig struct {
	Argv []string          `json:"argv"`
	Env  map[string]string `json:"env"`
	Cwd  string            `json:"cwd"`
}

const (
	serverLogPath  = dataDir + "/server.log"
	serverLogLimit = 4 << 20
	// stopTimeout is what a server has to end by itself before it is killed.
	stopTimeout = 10 * time.Second
	// A server that lived this long is started again at once; one that dies young, after a pause that doubles.
	healthyAfter = time.Minute
	firstPause   = 500 * time.Millisecond
	longestPause = 10 * time.Second
	// lastLines of the server's output go with the news of its end.
	lastLines = 20
)

// server keeps one process running: the server that the config share names.
type server struct {
	reap     *reaper.Reaper
	events   *events
	again    chan struct{}
	ending   chan struct{}
	ended    chan struct{}
	restarts int
}

func newServer(reap *reaper.Reaper, events *events) *server {
	return &server{reap: reap, events: events, again: make(chan struct{}, 1), ending: make(chan struct{}), ended: make(chan struct{})}
}

// restart starts the server anew with the newest configuration, also one that is waiting out its pause.
func (s *server) restart() { signal(s.again) }

// stop ends the server and does not start it again.
func (s *server) stop() {
	close(s.ending)
	<-s.ended
}

func (s *server) run() {
	defer close(s.ended)
	log := logfile.New(serverLogPath, serverLogLimit)
	pause := firstPause
	for {
		begun := time.Now()
		asked, err := s.once(log)
		if err != nil {
			s.events.send(message{"event": "server_exit", "code": nil, "signal": nil, "error": err.Error(), "restarts": s.restarts, "lines": log.Last(lastLines)})
		}
		if time.Since(begun) > healthyAfter {
			pause = firstPause
		}
		if !asked {
			select {
			case <-s.ending:
			case <-s.again:
			case <-time.After(pause):
			}
			pause = min(pause*2, longestPause)
		}
		select {
		case <-s.ending:
			return
		default:
			s.restarts++
		}
	}
}

// once runs the server until it ends; asked is true when somebody wanted it to.
func (s *server) once(log *logfile.Log) (asked bool, err error) {
	config, err := readServerConfig()
	if os.IsNotExist(err) {
		// A machine without a server: wait until there may be one.
		select {
		case <-s.again:
		case <-s.ending:
		}
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if err := forgetShares(); err != nil {
		return false, err
	}
	process, err := s.start(config, log)
	if err != nil {
		return false, err
	}
	select {
	case <-process.Done():
	case <-s.again:
		asked = true
		// It hands its runs over to the server that follows.
		end(process, unix.SIGTERM)
	case <-s.ending:
		asked = true
		end(process, unix.SIGINT)
	}
	s.events.state("server", nil)
	exit := exitMessage(process.Status())
	s.events.send(message{
		"event": "server_exit", "code": exit["code"], "signal": exit["signal"], "asked": asked,
		"restarts": s.restarts, "lines": log.Last(lastLines),
	})
	return asked, nil
}

// forgetShares makes the next look at a share see what the host has there now. The large ones are cached and never asked
// about again, but between two servers the host may have made new assets and images.
func forgetShares() error {
	return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
}

func readServerConfig() (config serverConfig, err error) {
	path := filepath.Join(configDir, "server.json")
	content, err := os.ReadFile(path)
	if err != nil {
		return config, err
	}
	if err := json.Unmarshal(content, &config); err != nil {
		return config, fmt.Errorf("%s: %w", path, err)
	}
	if len(config.Argv) == 0 {
		return config, fmt.Errorf("%s: argv is empty", path)
	}
	return config, nil
}

// start gives the server a pipe for its output and one, at descriptor 3, on which it says READY=1 when it listens.
func (s *server) start(config serverConfig, log *logfile.Log) (*reaper.Process, error) {
	path, err := lookPath(config.Argv[0], config.Env["PATH"])
	if err != nil {
		return nil, err
	}
	output, outputEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer outputEnd.Close()
	ready, readyEnd, err := os.Pipe()
	if err != nil {
		output.Close()
		return nil, err
	}
	defer readyEnd.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		output.Close()
		ready.Close()
		return nil, err
	}
	defer null.Close()
	attr := &syscall.ProcAttr{
		Dir:   config.Cwd,
		Files: []uintptr{null.Fd(), outputEnd.Fd(), outputEnd.Fd(), readyEnd.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	for name, value := range config.Env {
		attr.Env = append(attr.Env, name+"="+value)
	}
	process, err := s.reap.Start(path, config.Argv, attr)
	if err != nil {
		output.Close()
		ready.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	go log.Copy(output)
	go s.awaitReady(ready)
	return process, nil
}

func (s *server) awaitReady(ready *os.File) {
	defer ready.Close()
	begun := time.Now()
	lines := bufio.NewScanner(ready)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "READY=1" {
			s.events.state("server", message{
				"event": "server_ready", "restarts": s.restarts,
				"uptime_us": uptime().Microseconds(), "start_us": time.Since(begun).Microseconds(),
			})
		}
	}
}

// end asks the process to end, and kills it when it does not. What it has started is its own to end.
func end(process *reaper.Process, by syscall.Signal) {
	process.Signal(by)
	select {
	case <-process.Done():
	case <-time.After(stopTimeout):
		process.SignalGroup(unix.SIGKILL)
		<-process.Done()
	}
}
