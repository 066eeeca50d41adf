package main

import (
	"errors"
	"os/signal"
	"strconv"

	"golang.org/x/sys/unix"
)

// bounds are what stopped the probe, and where.
type bounds struct {
	// Descriptors that were open at once.
	Descriptors int `json:"descriptors"`
	// Bytes of the largest file.
	FileBytes int64  `json:"file_bytes"`
	FileEnd   string `json:"file_end"`
	// Processes that were there at once beside the vm's own, and what the next was refused with.
	Processes    int    `json:"processes"`
	ProcessesEnd string `json:"processes_end"`
	// Files that could be made where files may be made.
	Files    int    `json:"files"`
	FilesEnd string `json:"files_end"`
	// Bytes that could be written into them.
	Bytes    int    `json:"bytes"`
	BytesEnd string `json:"bytes_end"`
}

const (
	// far above every limit: whoever gets there has none.
	unlimited = 1 << 16
	ownFolder = "/run/"
	ownDisk   = "/disk.ext4"
)

func tryLimits() (bounds, error) {
	// Of a file over the limit the kernel tells by a signal too.
	signal.Ignore(unix.SIGXFSZ)
	found := bounds{}
	found.Descriptors = descriptors()
	found.FileBytes, found.FileEnd = largest()
	found.Files, found.FilesEnd = files()
	found.Bytes, found.BytesEnd = fill()
	found.Processes, found.ProcessesEnd = children()
	return found, nil
}

func descriptors() int {
	var open []int
	for len(open) < unlimited {
		fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			break
		}
		open = append(open, fd)
	}
	for _, fd := range open {
		unix.Close(fd)
	}
	return len(open)
}

// largest writes one byte at offsets that double, behind the end of the vm's disk, and takes it off again.
func largest() (int64, string) {
	fd, err := unix.Open(ownDisk, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, outcome(err)
	}
	defer unix.Close(fd)
	var status unix.Stat_t
	if err := unix.Fstat(fd, &status); err != nil {
		return 0, outcome(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return 0, outcome(err)
	}
	defer unix.Ftruncate(fd, status.Size)
	if _, err := unix.Pwrite(fd, []byte{0}, int64(limit.Cur)-1); err != nil {
		return 0, outcome(err)
	}
	_, err = unix.Pwrite(fd, []byte{0}, int64(limit.Cur))
	return int64(limit.Cur), outcome(err)
}

func files() (int, string) {
	var made []string
	defer func() {
		for _, name := range made {
			unix.Unlink(name)
		}
	}()
	for len(made) < unlimited {
		name := ownFolder + "made-" + strconv.Itoa(len(made))
		fd, err := unix.Open(name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return len(made), outcome(err)
		}
		unix.Close(fd)
		made = append(made, name)
	}
	return len(made), "ok"
}

func fill() (int, string) {
	name := ownFolder + "made-to-be-filled"
	fd, err := unix.Open(name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return 0, outcome(err)
	}
	defer unix.Unlink(name)
	defer unix.Close(fd)
	const enough = 16 << 20
	written, piece := 0, make([]byte, 4096)
	for written < enough {
		n, err := unix.Write(fd, piece)
		if err != nil {
			return written, outcome(err)
		}
		written += n
	}
	return written, "ok"
}

// children are made until there may be no more. They wait, and use nothing of the runtime, of which they have one thread.
//
//go:norace
func children() (int, string) {
	var made []int
	end := "ok"
	for len(made) < unlimited {
		pid, _, err := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if err == 0 && pid == 0 {
			for {
				unix.RawSyscall(unix.SYS_PAUSE, 0, 0, 0)
			}
		}
		if err != 0 {
			end = outcome(err)
			break
		}
		made = append(made, int(pid))
	}
	for _, pid := range made {
		unix.Kill(pid, unix.SIGKILL)
	}
	for _, pid := range made {
		for {
			if _, err := unix.Wait4(pid, nil, 0, nil); !errors.Is(err, unix.EINTR) {
				break
			}
		}
	}
	return len(made), end
}

// hog takes memory until it is ended.
func hog() error {
	const piece = 1 << 20
	for {
		memory, err := unix.Mmap(-1, 0, piece, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			return err
		}
		for at := 0; at < piece; at += 4096 {
			memory[at] = 1
		}
	}
}
