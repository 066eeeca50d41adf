package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// send puts frames on an interface as they are: lines of hex on standard input.
func send(name string) error {
	at, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	wire, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("a packet socket: %w", err)
	}
	defer unix.Close(wire)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		frame, err := hex.DecodeString(lines.Text())
		if err != nil {
			return fmt.Errorf("the frame %q: %w", lines.Text(), err)
		}
		if err := unix.Sendto(wire, frame, 0, &unix.SockaddrLinklayer{Ifindex: at.Index}); err != nil {
			return fmt.Errorf("sending %d bytes on %s: %w", len(frame), name, err)
		}
	}
	return lines.Err()
}
