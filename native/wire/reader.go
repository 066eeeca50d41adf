package wire

import "io"

// Reader takes frames off a connection.
type Reader struct {
	from    io.Reader
	header  [HeaderBytes]byte
	payload []byte
}

// NewReader reads frames from a connection. It reads no byte beyond the frame that was asked for.
func NewReader(from io.Reader) *Reader { return &Reader{from: from} }

// Next returns the next frame. Its payload is valid until the next call. The error is io.EOF between frames,
// io.ErrUnexpectedEOF when the connection was cut within one, a *ProtocolError for bytes that are no frame, or the
// connection's own.
func (r *Reader) Next() (Frame, error) {
	if _, err := io.ReadFull(r.from, r.header[:]); err != nil {
		return Frame{}, err
	}
	t, stream, length, err := parseHeader(r.header[:])
	if err != nil {
		return Frame{}, err
	}
	if cap(r.payload) < length {
		r.payload = make([]byte, length)
	}
	payload := r.payload[:length]
	if _, err := io.ReadFull(r.from, payload); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	if t == Control {
		if err := checkControl(payload); err != nil {
			return Frame{}, err
		}
	}
	return Frame{Type: t, Stream: stream, Payload: payload}, nil
}
