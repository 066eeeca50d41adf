package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// namespaces of a process, but for that of pids, which only children enter.
var namespaces = []string{"mnt", "net", "ipc", "uts", "cgroup"}

var resources = []int{
	unix.RLIMIT_AS, unix.RLIMIT_CORE, unix.RLIMIT_CPU, unix.RLIMIT_DATA, unix.RLIMIT_FSIZE, unix.RLIMIT_MEMLOCK,
	unix.RLIMIT_NOFILE, unix.RLIMIT_NPROC, unix.RLIMIT_STACK,
}

// identity is what a process of the vm has beside its namespaces.
type identity struct {
	UID, GID int
	Limits   map[int]unix.Rlimit
}

// enter runs the probe's other half as the process with that pid. Its exit status is that half's.
func enter(word, mode string) error {
	pid, err := strconv.Atoi(word)
	if err != nil {
		return err
	}
	who, err := identityOf(pid)
	if err != nil {
		return err
	}
	asWhom, err := json.Marshal(who)
	if err != nil {
		return err
	}
	files, err := openAll(pid)
	if err != nil {
		return err
	}
	group, err := cgroupOf(pid)
	if err != nil {
		return err
	}
	// Whatever the cgroup runs out of, it is the probe that goes, and not the vm that others of the test look at.
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0); err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := setns(pid, "pid"); err != nil {
		return fmt.Errorf("entering its pid namespace: %w", err)
	}
	child := exec.Command("/proc/self/exe", "inside", mode)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.ExtraFiles = files
	// Few threads: the vm's cgroup counts them.
	child.Env = []string{"GOMAXPROCS=1", "PROBE=" + string(asWhom)}
	child.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
	return child.Run()
}

// goInside is the second half's beginning: it has the pid namespace and the cgroup, and takes the rest.
func goInside(mode string) error {
	var who identity
	if err := json.Unmarshal([]byte(os.Getenv("PROBE")), &who); err != nil {
		return err
	}
	runtime.LockOSThread()
	const program, root = 3, 4
	// A mount namespace is not entered by a thread that shares its root with others.
	failed := []error{}
	step := func(what string, err error) {
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", what, err))
		}
	}
	step("unshare", unix.Unshare(unix.CLONE_FS))
	for at, name := range namespaces {
		fd := root + 1 + at
		step("setns "+name, unix.Setns(fd, 0))
		step("close", unix.Close(fd))
	}
	step("fchdir", unix.Fchdir(root))
	step("chroot", unix.Chroot("."))
	step("chdir", unix.Chdir("/"))
	step("close", unix.Close(root))
	for resource, limit := range who.Limits {
		step("setrlimit", unix.Setrlimit(resource, &limit))
	}
	step("setgroups", unix.Setgroups(nil))
	step("setresgid", unix.Setresgid(who.GID, who.GID, who.GID))
	step("setresuid", unix.Setresuid(who.UID, who.UID, who.UID))
	step("no new privileges", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("becoming the vm: %w", err)
	}
	unix.CloseOnExec(program)
	return execute(program, "vulcan-probe", mode)
}

// execute replaces this process by an open file: there is no path to it in the jail.
func execute(fd int, words ...string) error {
	argv, err := syscall.SlicePtrFromStrings(words)
	if err != nil {
		return err
	}
	env, err := syscall.SlicePtrFromStrings([]string{"GOMAXPROCS=1"})
	if err != nil {
		return err
	}
	empty, err := syscall.BytePtrFromString("")
	if err != nil {
		return err
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(fd), pointer(empty), pointer(&argv[0]), pointer(&env[0]), unix.AT_EMPTY_PATH, 0)
	return fmt.Errorf("execveat: %w", errno)
}

// openAll opens the probe itself, the vm's root and its namespaces, in that order.
func openAll(pid int) ([]*os.File, error) {
	paths := []string{"/proc/self/exe", fmt.Sprintf("/proc/%d/root", pid)}
	for _, name := range namespaces {
		paths = append(paths, namespace(pid, name))
	}
	var files []*os.File
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func namespace(pid int, name string) string { return fmt.Sprintf("/proc/%d/ns/%s", pid, name) }

func setns(pid int, name string) error {
	file, err := os.Open(namespace(pid, name))
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.Setns(int(file.Fd()), 0)
}

func identityOf(pid int) (identity, error) {
	var status unix.Stat_t
	// The folder belongs to the process's effective user.
	if err := unix.Stat(fmt.Sprintf("/proc/%d", pid), &status); err != nil {
		return identity{}, err
	}
	who := identity{UID: int(status.Uid), GID: int(status.Gid), Limits: map[int]unix.Rlimit{}}
	for _, resource := range resources {
		var limit unix.Rlimit
		if err := unix.Prlimit(pid, resource, nil, &limit); err != nil {
			return identity{}, err
		}
		who.Limits[resource] = limit
	}
	return who, nil
}

func cgroupOf(pid int) (*os.File, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil, err
	}
	path, isV2 := strings.CutPrefix(strings.TrimSpace(string(text)), "0::")
	if !isV2 {
		return nil, fmt.Errorf("no cgroup v2: %q", text)
	}
	return os.Open(filepath.Join("/sys/fs/cgroup", path))
}
