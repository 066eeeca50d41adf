package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ioctlBytes is an ioctl on a struct of variable length.
func ioctlBytes(file *os.File, request uint, data []byte) error {
	_, _, number := unix.Syscall(unix.SYS_IOCTL, file.Fd(), uintptr(request), uintptr(unsafe.Pointer(unsafe.SliceData(data))))
	if number != 0 {
		return number
	}
	return nil
}
