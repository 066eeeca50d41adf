package inside

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"vulcan/native/reaper"
	"vulcan/native/wire"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/vulcan/bin"

// program is one that runs for the host, with our ends of its streams.
type program struct {
	process *reaper.Process
	input   *os.File
	output  map[uint32]*os.File
	tty     bool
}

func startProgram(request execRequest, reap *reaper.Reaper) (*program, error) {
	env := map[string]string{"PATH": defaultPath, "HOME": "/root", "LANG": "C.UTF-8"}
	if request.TTY != nil && request.TTY.Term != "" {
		env["TERM"] = request.TTY.Term
	}
	for name, value := range request.Env {
		env[name] = value
	}
	if len(request.Argv) == 0 {
		return nil, fmt.Errorf("argv is empty")
	}
	path, err := lookPath(request.Argv[0], env["PATH"])
	if err != nil {
		return nil, err
	}
	attr := &syscall.ProcAttr{Dir: request.Cwd, Sys: &syscall.SysProcAttr{Setsid: true}}
	for name, value := range env {
		attr.Env = append(attr.Env, name+"="+value)
	}
	p := &program{tty: request.TTY != nil}
	theirs, err := p.openStreams(request.TTY)
	defer closeAll(theirs)
	if err != nil {
		return nil, err
	}
	if p.tty {
		attr.Sys.Setctty = true
	}
	for _, file := range theirs {
		attr.Files = append(attr.Files, file.Fd())
	}
	p.process, err = reap.Start(path, request.Argv, attr)
	if err != nil {
		p.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// openStreams opens our ends in p and returns the program's: standard input, output and error.
func (p *program) openStreams(size *terminalSize) ([]*os.File, error) {
	if size != nil {
		master, slave, err := openTerminal(*size)
		if err != nil {
			return nil, err
		}
		p.input, p.output = master, map[uint32]*os.File{wire.Stdout: master}
		return []*os.File{slave, slave, slave}, nil
	}
	var theirs []*os.File
	ours := make([]*os.File, 3)
	for i := range ours {
		read, write, err := os.Pipe()
		if err != nil {
			closeAll(ours)
			return theirs, err
		}
		if i == 0 {
			read, write = write, read
		}
		ours[i], theirs = read, append(theirs, write)
	}
	p.input, p.output = ours[0], map[uint32]*os.File{wire.Stdout: ours[1], wire.Stderr: ours[2]}
	return theirs, nil
}

func closeAll(files []*os.File) {
	for _, file := range files {
		file.Close()
	}
}

func (p *program) close() {
	p.input.Close()
	for _, file := range p.output {
		file.Close()
	}
}

// endInput closes a pipe; on a terminal the end of input is a character.
func (p *program) endInput() {
	if p.tty {
		p.input.Write([]byte{4})
		return
	}
	p.input.Close()
}

func (p *program) control(request execRequest) {
	switch request.Op {
	case "kill":
		if number := unix.SignalNum(request.Signal); number != 0 {
			p.process.SignalGroup(number)
		}
	case "resize":
		if p.tty {
			resizeTerminal(p.input, request.terminalSize)
		}
	}
}

func openTerminal(size terminalSize) (master, slave *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("/dev/ptmx: %w", err)
	}
	if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err == nil {
		var number uint32
		if number, err = unix.IoctlGetUint32(fd, unix.TIOCGPTN); err == nil {
			slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
		}
	}
	if err != nil {
		unix.Close(fd)
		return nil, nil, fmt.Errorf("opening a terminal: %w", err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	resizeTerminal(master, size)
	return master, slave, nil
}

func resizeTerminal(master *os.File, size terminalSize) {
	raw, err := master.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
	})
}

// lookPath finds a program in the PATH that the program itself will have.
func lookPath(name, path string) (string, error) {
	if name == "" {
		return "", errors.New("no program was named")
	}
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(path) {
		candidate := filepath.Join(dir, name)
		if unix.Access(candidate, unix.X_OK) == nil {
			if info, err := os.Stat(candidate); err == nil && !info.IsDir() {
				return candidate, nil
			}
		}
	}
	return "", fmt.Errorf("%s was not found in %s", name, path)
}
