package keeper

import (
	"bytes"
	"io"
)

// What Linux writes to its console, some 20 s after a processor was seen last.
var stallWords = []byte("detected stalls on CPUs")

// stalls reads a console and tells when those words, cut anywhere, come by.
type stalls struct {
	io.ReadCloser
	told chan<- struct{}
	tail []byte
}

func (s *stalls) Read(buffer []byte) (int, error) {
	n, err := s.ReadCloser.Read(buffer)
	s.tail = append(s.tail, buffer[:n]...)
	if bytes.Contains(s.tail, stallWords) {
		select {
		case s.told <- struct{}{}:
		default:
		}
		s.tail = nil
	}
	s.tail = bytes.Clone(s.tail[max(0, len(s.tail)-len(stallWords)):])
	return n, err
}
