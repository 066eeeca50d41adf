package main

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

func pointer[T any](of *T) uintptr { return uintptr(unsafe.Pointer(of)) }

// Numbers that the package lacks.
const (
	kvmCreateVM  = 0xae01
	shmInfo      = 14
	shmStat      = 13
	semInfo      = 19
	semStat      = 18
	msgInfo      = 12
	msgStat      = 11
	ipcPrivate   = 0
	ipcCreate    = 0o1000
	ipcRemove    = 0
	noSuchMagic  = 0
	mostOfEachIP = 1 << 10
)

// tryActs tries what only somebody with more rights may do. None of it harms where it succeeds.
func tryActs() map[string]string {
	return map[string]string{
		"become root":                      outcome(unix.Setuid(0)),
		"change groups":                    outcome(unix.Setgroups([]int{0})),
		"change the root":                  outcome(unix.Chroot("/")),
		"make a device":                    outcome(unix.Mknod("/run/made-by-the-probe", unix.S_IFBLK|0o600, int(unix.Mkdev(8, 0)))),
		"mount":                            outcome(unix.Mount("none", "/run", "tmpfs", 0, "")),
		"unmount":                          outcome(unix.Unmount("/rootfs.ext4", unix.MNT_DETACH)),
		"mount a shared file writable":     outcome(unix.Mount("", "/rootfs.ext4", "", unix.MS_REMOUNT|unix.MS_BIND, "")),
		"set the host's name":              outcome(unix.Sethostname([]byte("probe"))),
		"set the clock":                    outcome(setClock()),
		"load a module":                    errno(unix.RawSyscall(unix.SYS_INIT_MODULE, 0, 0, 0)),
		"restart the host":                 errno(unix.RawSyscall6(unix.SYS_REBOOT, noSuchMagic, 0, 0, 0, 0, 0)),
		"open a file by its handle":        byHandle(),
		"more descriptors than the limit":  raise(unix.RLIMIT_NOFILE),
		"larger files than the limit":      raise(unix.RLIMIT_FSIZE),
		"run before all others":            outcome(unix.Setpriority(unix.PRIO_PROCESS, 0, -5)),
		"a user namespace of its own":      clone(unix.CLONE_NEWUSER),
		"a network interface":              tun("probe0"),
		"the vm's network interface":       tun("tap0"),
		"another vm":                       kvm(),
		"a raw packet":                     socketOf(unix.AF_PACKET, unix.SOCK_RAW, 0),
		"a raw IP packet":                  socketOf(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP),
		"System V memory that others see":  outcome(sharedMemory()),
		"a message queue that others see":  queue(),
		"a vsock to the host or beyond it": vsock(),
	}
}

func errno(_, _ uintptr, err unix.Errno) string {
	if err == 0 {
		return "ok"
	}
	return outcome(err)
}

func setClock() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
		return err
	}
	return unix.ClockSettime(unix.CLOCK_REALTIME, &now)
}

// byHandle is the way out of a container whose guest may read by search: through a handle of the root's first inode.
func byHandle() string {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return outcome(err)
	}
	defer unix.Close(fd)
	handle := unix.NewFileHandle(1, []byte{2, 0, 0, 0, 0, 0, 0, 0})
	opened, err := unix.OpenByHandleAt(fd, handle, unix.O_RDONLY)
	if err == nil {
		unix.Close(opened)
	}
	return outcome(err)
}

func raise(resource int) string {
	var limit unix.Rlimit
	if err := unix.Getrlimit(resource, &limit); err != nil {
		return outcome(err)
	}
	limit.Max++
	return outcome(unix.Setrlimit(resource, &limit))
}

// clone makes a child with those namespaces, which ends at once. It uses nothing of the runtime, of which it has one thread.
//
//go:norace
func clone(flags uintptr) string {
	pid, _, err := unix.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if err == 0 && pid == 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	if err != 0 {
		return outcome(err)
	}
	_, waited := unix.Wait4(int(pid), nil, 0, nil)
	return outcome(waited)
}

func tun(name string) string {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open: " + outcome(err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return outcome(err)
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	return outcome(unix.IoctlIfreq(fd, unix.TUNSETIFF, request))
}

func kvm() string {
	fd, err := unix.Open("/dev/kvm", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open: " + outcome(err)
	}
	defer unix.Close(fd)
	vm, _, failed := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), kvmCreateVM, 0)
	if failed == 0 {
		unix.Close(int(vm))
	}
	return errno(vm, 0, failed)
}

func socketOf(family, kind, protocol int) string {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err == nil {
		unix.Close(fd)
	}
	return outcome(err)
}

// vsock connects to whoever listens for guests on the node.
func vsock() string {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "socket: " + outcome(err)
	}
	defer unix.Close(fd)
	return outcome(unix.Connect(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_HOST, Port: 1025}))
}

// sysV lists all segments, semaphores and queues of the namespace, whoever may use them.
func sysV() []string {
	var found []string
	var buffer [256]byte
	for _, of := range []struct {
		name       string
		info, stat uintptr
		call       func(at, command uintptr) (uintptr, unix.Errno)
	}{
		{"shared memory", shmInfo, shmStat, func(at, command uintptr) (uintptr, unix.Errno) {
			id, _, err := unix.RawSyscall(unix.SYS_SHMCTL, at, command, pointer(&buffer))
			return id, err
		}},
		{"semaphores", semInfo, semStat, func(at, command uintptr) (uintptr, unix.Errno) {
			id, _, err := unix.RawSyscall6(unix.SYS_SEMCTL, at, 0, command, pointer(&buffer), 0, 0)
			return id, err
		}},
		{"queue", msgInfo, msgStat, func(at, command uintptr) (uintptr, unix.Errno) {
			id, _, err := unix.RawSyscall(unix.SYS_MSGCTL, at, command, pointer(&buffer))
			return id, err
		}},
	} {
		last, err := of.call(0, of.info)
		if err != 0 {
			continue
		}
		for at := uintptr(0); at <= last && at < mostOfEachIP; at++ {
			// One that may not be read is seen all the same.
			if id, err := of.call(at, of.stat); err == 0 || err == unix.EACCES {
				found = append(found, fmt.Sprintf("%s %d", of.name, id))
			}
		}
	}
	return found
}

func sharedMemory() error {
	id, err := unix.SysvShmGet(ipcPrivate, os.Getpagesize(), ipcCreate|0o600)
	if err != nil {
		return err
	}
	_, err = unix.SysvShmCtl(id, ipcRemove, nil)
	return err
}

func queue() string {
	name, err := unix.BytePtrFromString("made-by-the-probe")
	if err != nil {
		return outcome(err)
	}
	fd, _, failed := unix.RawSyscall6(unix.SYS_MQ_OPEN, pointer(name), unix.O_CREAT|unix.O_RDWR, 0o600, 0, 0, 0)
	if failed == 0 {
		unix.Close(int(fd))
		unix.RawSyscall(unix.SYS_MQ_UNLINK, pointer(name), 0, 0)
	}
	return errno(fd, 0, failed)
}
