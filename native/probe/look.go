package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// targets are things that are there, for all the node's root can see.
type targets struct {
	// Own are all paths of the vm's root: folders that it may not list are looked at as well.
	Own []string `json:"own"`
	// Unix sockets: paths as the node has them, and abstract names with a leading @.
	Unix []string `json:"unix"`
	// Addresses with ports.
	TCP []string `json:"tcp"`
	// Processes by their ids on the node.
	Pids []int `json:"pids"`
	// Files as the node has them.
	Files []string `json:"files"`
}

// sight is all that was found. Outcomes are "ok" or the name of the error.
type sight struct {
	User      user              `json:"user"`
	Paths     []path            `json:"paths"`
	Processes []process         `json:"processes"`
	Reached   map[string]string `json:"reached"`
	// Interfaces of the network namespace.
	Interfaces []string `json:"interfaces"`
	// Identifiers of System V shared memory, semaphores and message queues.
	IPC []string `json:"ipc"`
	// What needs a right, or another kind of interface than files, and what came of it.
	Acts map[string]string `json:"acts"`
}

type user struct {
	UID             int      `json:"uid"`
	GID             int      `json:"gid"`
	Groups          []int    `json:"groups"`
	Capabilities    []uint32 `json:"capabilities"`
	NoNewPrivileges bool     `json:"no_new_privileges"`
	Descriptors     []int    `json:"descriptors"`
}

type path struct {
	Path  string `json:"path"`
	Kind  string `json:"kind"`
	Mode  string `json:"mode"`
	UID   uint32 `json:"uid"`
	Read  string `json:"read"`
	Write string `json:"write"`
}

type process struct {
	Pid    int    `json:"pid"`
	Signal string `json:"signal"`
}

const (
	// pidsTried is as many as a namespace gives before it begins anew, by default.
	pidsTried = 32768
	// answerWithin is for an answer, and for a refusal: under emulation both take their time.
	answerWithin = 5 * time.Second
)

func look(at targets) (sight, error) {
	who, err := whoAmI()
	if err != nil {
		return sight{}, err
	}
	paths, err := tryAll(at.Own)
	if err != nil {
		return sight{}, err
	}
	found := sight{User: who, Paths: paths, Processes: processes(at.Pids), IPC: sysV(), Acts: tryActs(), Reached: map[string]string{}}
	for _, name := range at.Unix {
		found.Reached[name] = connectUnix(name)
	}
	for _, address := range at.TCP {
		found.Reached[address] = connectTCP(address)
	}
	for _, name := range at.Files {
		found.Reached[name] = open(name, unix.O_RDONLY)
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return sight{}, err
	}
	for _, one := range interfaces {
		found.Interfaces = append(found.Interfaces, one.Name)
	}
	return found, nil
}

func whoAmI() (user, error) {
	groups, err := os.Getgroups()
	if err != nil {
		return user{}, err
	}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &sets[0]); err != nil {
		return user{}, err
	}
	kept, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil {
		return user{}, err
	}
	who := user{UID: os.Getuid(), GID: os.Getgid(), Groups: groups, NoNewPrivileges: kept == 1}
	for _, set := range sets {
		who.Capabilities = append(who.Capabilities, set.Effective, set.Permitted, set.Inheritable)
	}
	for fd := range 4096 {
		var status unix.Stat_t
		if unix.Fstat(fd, &status) == nil {
			who.Descriptors = append(who.Descriptors, fd)
		}
	}
	return who, nil
}

// tryAll tries to open each for reading and for writing; a folder is written to by making a file in it.
func tryAll(names []string) ([]path, error) {
	var found []path
	for _, name := range names {
		var status unix.Stat_t
		if err := unix.Lstat(name, &status); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		found = append(found, describe(name, status))
	}
	return found, nil
}

func describe(name string, status unix.Stat_t) path {
	one := path{Path: name, Mode: fmt.Sprintf("%04o", status.Mode&0o7777), UID: status.Uid}
	switch status.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		one.Kind, one.Read, one.Write = "folder", open(name, unix.O_RDONLY|unix.O_DIRECTORY), makeIn(name)
	case unix.S_IFSOCK:
		one.Kind, one.Read = "socket", connectUnix(name)
		one.Write = one.Read
	case unix.S_IFCHR:
		one.Kind, one.Read, one.Write = "device", open(name, unix.O_RDONLY), open(name, unix.O_WRONLY)
	case unix.S_IFREG:
		one.Kind, one.Read, one.Write = "file", open(name, unix.O_RDONLY), open(name, unix.O_WRONLY)
	default:
		one.Kind = fmt.Sprintf("%o", status.Mode&unix.S_IFMT)
	}
	return one
}

func open(name string, flags int) string {
	fd, err := unix.Open(name, flags|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return outcome(err)
}

func makeIn(folder string) string {
	name := filepath.Join(folder, "made-by-the-probe")
	fd, err := unix.Open(name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err == nil {
		unix.Close(fd)
		err = unix.Unlink(name)
	}
	return outcome(err)
}

// processes are those that a signal would find. Threads have ids too, and are not told.
func processes(others []int) []process {
	var found []process
	try := func(pid int) {
		err := unix.Kill(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			return
		}
		fd, unknown := unix.PidfdOpen(pid, 0)
		if unknown != nil {
			return
		}
		unix.Close(fd)
		if pid != os.Getpid() {
			found = append(found, process{Pid: pid, Signal: outcome(err)})
		}
	}
	for pid := 1; pid <= pidsTried; pid++ {
		try(pid)
	}
	for _, pid := range others {
		if pid > pidsTried {
			try(pid)
		}
	}
	return found
}

func connectUnix(name string) string {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return outcome(err)
	}
	defer unix.Close(fd)
	// The package takes a leading @ for an abstract name.
	return outcome(unix.Connect(fd, &unix.SockaddrUnix{Name: name}))
}

func connectTCP(address string) string {
	connection, err := net.DialTimeout("tcp", address, answerWithin)
	if err == nil {
		connection.Close()
	}
	return outcome(err)
}

// outcome is the name of an error, as <errno.h> has it.
func outcome(err error) string {
	var errno unix.Errno
	var timeout net.Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer"
	}
	return strings.TrimSpace(err.Error())
}
