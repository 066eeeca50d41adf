package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/reaper"
	"vulcan/native/wire"
)

// execPorts is how many programs the host can have running here at once.
const execPorts = 4

// execRequest asks for one program, run as root.
type execRequest struct {
	Op   string            `json:"op"`
	ID   string            `json:"id"` // of open
	Argv []string          `json:"argv"`
	Env  map[string]string `json:"env"`
	Cwd  string            `json:"cwd"`
	// TTY asks for a terminal; without one the program gets three pipes.
	TTY *terminalSize `json:"tty"`
	// Signal, Rows and Cols belong to kill and resize.
	Signal string `json:"signal"`
	terminalSize
}

type terminalSize struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
	Term string `json:"term"`
}

// serveExec serves one session after the other on a port, for ever.
//
// A host opens a session with {"op":"open","id":"…"}, answered by {"op":"hello","id":"…"}. It speaks first because a
// host that leaves and another that comes at once can look like one from here: the next "open" ends the last session.
func serveExec(name string, reap *reaper.Reaper) {
	p, err := openPort(name)
	for opened := ""; err == nil; {
		if err = p.waitForHost(); err != nil {
			break
		}
		session := &execSession{port: p, reader: wire.NewReader(p), writer: wire.NewWriter(p), reap: reap}
		opened = session.run(opened)
		if session.broken {
			err = p.reopen()
		} else {
			// Not opened again: the next host's first words may be there already, and would be dropped.
			p.resume()
		}
	}
	fmt.Printf("vulcan-machine: %s: %v\n", name, err)
}

type execSession struct {
	port   *port
	reader *wire.Reader
	writer *wire.Writer
	reap   *reaper.Reaper
	// next is the id of the host that opened a session while this one went on.
	next string
	// broken is true when bytes came that are no frame: what follows them cannot be told from their rest.
	broken bool
}

// run is one session: hello, one exec, its streams, its exit. The host's leaving ends the program. It returns the id of
// the next host where that one has opened its session already.
func (s *execSession) run(opened string) (next string) {
	if opened != "" {
		s.hello(opened)
	}
	for {
		request, err := s.nextControl()
		if err != nil {
			return ""
		}
		switch request.Op {
		case "open":
			s.hello(request.ID)
		case "exec":
			program, err := startProgram(request, s.reap)
			if err == nil {
				s.follow(program)
				return s.next
			}
			s.refuse("exec_failed", err)
		default:
			s.refuse("bad_request", fmt.Errorf("%q was sent before exec", request.Op))
		}
	}
}

func (s *execSession) hello(id string) {
	s.writer.Control(message{"op": "hello", "proto": 1, "id": id})
}

func (s *execSession) nextControl() (request execRequest, err error) {
	for {
		frame, err := s.receiveFrame()
		if err != nil {
			return request, err
		}
		if frame.Type != wire.Control {
			continue
		}
		if err := json.Unmarshal(frame.Payload, &request); err != nil {
			s.refuse("bad_request", err)
			continue
		}
		return request, nil
	}
}

func (s *execSession) receiveFrame() (wire.Frame, error) {
	frame, err := s.reader.Next()
	// Cut within a frame counts too, since one of the next host's may have been taken for its rest.
	if err != nil && err != io.EOF {
		s.broken = true
	}
	return frame, err
}

func (s *execSession) refuse(code string, err error) {
	s.writer.Control(message{"op": "error", "code": code, "step": "exec", "message": err.Error()})
}

func (s *execSession) follow(program *program) {
	s.writer.Control(message{"op": "started", "pid": program.process.Pid})
	hostGone := make(chan struct{})
	go func() {
		defer close(hostGone)
		s.receive(program)
	}()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		s.sendOutput(program)
		<-program.process.Done()
		s.writer.Control(exitMessage(program.process.Status()))
	}()
	// The host closes when it has the exit; leaving first would drop what it has not read yet.
	<-hostGone
	s.port.abandon()
	program.process.SignalGroup(syscall.SIGKILL)
	<-finished
	program.close()
}

// outputGrace is how long what the program left behind may stay silent before its output counts as ended: a program in
// the background that keeps our pipe open must not keep the session open.
const outputGrace = 300 * time.Millisecond

func (s *execSession) sendOutput(program *program) {
	var output sync.WaitGroup
	for stream, file := range program.output {
		output.Go(func() { s.copyOutput(program.process, stream, file) })
		go func() {
			<-program.process.Done()
			file.SetReadDeadline(time.Now().Add(outputGrace))
		}()
	}
	output.Wait()
}

func (s *execSession) copyOutput(process *reaper.Process, stream uint32, file *os.File) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := file.Read(buffer)
		if n > 0 && s.writer.Data(stream, buffer[:n]) != nil {
			return
		}
		// A terminal whose last program has gone answers EIO; for us that is its end.
		if err != nil {
			s.writer.End(stream)
			return
		}
		select {
		case <-process.Done():
			file.SetReadDeadline(time.Now().Add(outputGrace))
		default:
		}
	}
}

// receive takes input and control until the host leaves.
func (s *execSession) receive(program *program) {
	for {
		frame, err := s.receiveFrame()
		if err != nil {
			return
		}
		switch {
		case frame.Type == wire.Data && frame.Stream == wire.Stdin:
			s.writeInput(program, frame.Payload)
		case frame.Type == wire.End && frame.Stream == wire.Stdin:
			program.endInput()
		case frame.Type == wire.Control:
			var request execRequest
			if json.Unmarshal(frame.Payload, &request) != nil {
				continue
			}
			if request.Op == "open" {
				s.next = request.ID
				return
			}
			program.control(request)
		}
	}
}

// writeInput waits for a program that does not read its input only as long as the host is there: nothing else would
// notice that it has left.
func (s *execSession) writeInput(program *program, data []byte) {
	for len(data) > 0 {
		program.input.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := program.input.Write(data)
		data = data[n:]
		// A program that has closed its input is no reason to end the session.
		if err != nil && !(errors.Is(err, os.ErrDeadlineExceeded) && s.port.hostIsThere()) {
			return
		}
	}
}

func exitMessage(status syscall.WaitStatus) message {
	exit := message{"op": "exit", "code": nil, "signal": nil}
	if status.Signaled() {
		exit["signal"] = unix.SignalName(status.Signal())
	} else {
		exit["code"] = status.ExitStatus()
	}
	return exit
}
