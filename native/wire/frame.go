// Package wire is the guest protocol's frame codec (src/firecracker/PROTOCOL.md), held to test/vectors/frames.json.
//
// A frame is a header of nine bytes (payload length, type, stream; big-endian) and at most 1 MiB of payload. Whoever
// receives anything else closes the connection: there is no way back into step.
package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Type says what a frame's payload is.
type Type uint8

const (
	Control Type = 1 // a JSON object; stream 0
	Data    Type = 2 // raw bytes of a stream, at least one
	End     Type = 3 // no payload: nothing more comes on the stream
)

// Streams, each of them one direction only.
const (
	Stdin  uint32 = 1
	Stdout uint32 = 2
	Stderr uint32 = 3
	Upload uint32 = 4
	Result uint32 = 5
)

const (
	// HeaderBytes is the length of a frame's header.
	HeaderBytes = 9
	// MaxPayload is the largest payload in bytes.
	MaxPayload = 1 << 20
)

// ProtocolError is bytes that are no frame of this protocol.
type ProtocolError struct{ Reason string }

func (e *ProtocolError) Error() string { return "guest protocol: " + e.Reason }

func protocolErrorf(format string, args ...any) error {
	return &ProtocolError{fmt.Sprintf(format, args...)}
}

// Frame is one frame. Stream is 0 for control.
type Frame struct {
	Type    Type
	Stream  uint32
	Payload []byte
}

func putHeader(header []byte, t Type, stream uint32, length int) {
	binary.BigEndian.PutUint32(header, uint32(length))
	header[4] = byte(t)
	binary.BigEndian.PutUint32(header[5:], stream)
}

// parseHeader checks all that can be known before the payload is there, so that nothing is allocated for a lie.
func parseHeader(header []byte) (t Type, stream uint32, length int, err error) {
	announced := binary.BigEndian.Uint32(header)
	t, stream = Type(header[4]), binary.BigEndian.Uint32(header[5:])
	switch {
	case announced > MaxPayload:
		err = protocolErrorf("a frame of %d bytes is announced", announced)
	case t == Control && stream == 0:
	case (t != Data && t != End) || stream < Stdin || stream > Result:
		err = protocolErrorf("type %d with stream %d", t, stream)
	case t == Data && announced == 0:
		err = protocolErrorf("an empty data frame")
	case t == End && announced > 0:
		err = protocolErrorf("an end frame with a payload")
	}
	return t, stream, int(announced), err
}

// checkControl refuses what is not one JSON object in UTF-8. json.Valid alone takes any value and mends bad UTF-8.
func checkControl(payload []byte) error {
	if !utf8.Valid(payload) || !json.Valid(payload) {
		return protocolErrorf("control that is not JSON")
	}
	if !bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")) {
		return protocolErrorf("control that is not an object")
	}
	return nil
}
