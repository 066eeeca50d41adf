package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Writer puts frames on a connection. Several goroutines may share it: a frame is written whole, and a connection that
// takes no more bytes blocks them all, which is the protocol's back-pressure.
type Writer struct {
	mu     sync.Mutex
	to     io.Writer
	buffer []byte
}

// NewWriter writes frames to a connection.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Control sends one control frame; message must marshal to a JSON object.
func (w *Writer) Control(message any) error {
	payload, err := marshal(message)
	if err != nil {
		return fmt.Errorf("control frame: %w", err)
	}
	if err := checkControl(payload); err != nil {
		return err
	}
	return w.frame(Control, 0, payload)
}

// Data sends bytes of a stream, in as many frames as it takes; none for no bytes.
func (w *Writer) Data(stream uint32, data []byte) error {
	for len(data) > 0 {
		piece := data[:min(len(data), MaxPayload)]
		if err := w.frame(Data, stream, piece); err != nil {
			return err
		}
		data = data[len(piece):]
	}
	return nil
}

// End says that nothing more comes on a stream.
func (w *Writer) End(stream uint32) error { return w.frame(End, stream, nil) }

func (w *Writer) frame(t Type, stream uint32, payload []byte) error {
	if len(payload) > MaxPayload {
		return protocolErrorf("a frame of %d bytes is too large", len(payload))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	// Header and payload leave in one write: two would be two packets of vsock and two wake-ups of the host.
	w.buffer = append(w.buffer[:0], make([]byte, HeaderBytes)...)
	putHeader(w.buffer, t, stream, len(payload))
	w.buffer = append(w.buffer, payload...)
	_, err := w.to.Write(w.buffer)
	return err
}

// marshal leaves <, > and & alone, which json.Marshal would send as six bytes each.
func marshal(message any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(message); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}
