package session

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"vulcan/native/wire"
)

// reception is what a host has kept of a run over all its sessions.
type reception struct {
	streams map[uint32]*bytes.Buffer
	exit    answer
	// owed is bytes that were not acknowledged.
	owed int
}

func (r *reception) seen() (stdout, stderr int64) {
	return int64(r.streams[wire.Stdout].Len()), int64(r.streams[wire.Stderr].Len())
}

// read takes frames until the exit, or until the connection is cut: after that many bytes, which may be within a frame.
func (r *reception) read(t *testing.T, c *client, bytes int64, source *rand.Rand) {
	t.Helper()
	in := wire.NewReader(io.LimitReader(c.conn, bytes))
	for r.exit == nil {
		frame, err := in.Next()
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return
		}
		check(t, err)
		switch {
		case frame.Type == wire.Control:
			check(t, json.Unmarshal(frame.Payload, &r.exit))
		case frame.Type == wire.Data:
			r.streams[frame.Stream].Write(frame.Payload)
			r.owed += len(frame.Payload)
		}
		// A host owes an acknowledgement now and then, or the window stays full.
		if r.owed > 256<<10 || source.IntN(3) == 0 {
			r.owed = 0
			stdout, stderr := r.seen()
			c.send(answer{"op": "ack", "stdout": stdout, "stderr": stderr})
		}
	}
}

func counted(from, to int) []byte {
	var text bytes.Buffer
	for i := from; i <= to; i++ {
		fmt.Fprintln(&text, i)
	}
	return text.Bytes()
}

// However often and wherever the connection breaks, what arrives is byte for byte what was written.
func TestWhereverTheConnectionBreaksNothingIsLostOrDoubled(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			source := rand.New(rand.NewPCG(seed, 0))
			g := newGuest(t)
			c := g.dial()
			c.execKept("seq 1 760000 & seq 1000000 1660000 >&2; wait; exit 7", nil)
			r := &reception{streams: map[uint32]*bytes.Buffer{wire.Stdout: {}, wire.Stderr: {}}}
			cuts := 0
			for ; r.exit == nil; cuts++ {
				if cuts > 0 {
					if source.IntN(4) > 0 {
						c.close() // else the guest believes that its host is still there
					}
					c = g.dial()
					c.expectAttached(int64(r.streams[wire.Stdout].Len()), int64(r.streams[wire.Stderr].Len()), "program")
				}
				most := []int64{20, 5_000, 400_000, 2_000_000}[source.IntN(4)]
				r.read(t, c, source.Int64N(most), source)
			}
			if cuts < 3 || r.exit["code"] != 7.0 {
				t.Errorf("%d sessions, exit %v", cuts, r.exit)
			}
			for stream, want := range map[uint32][]byte{
				wire.Stdout: counted(1, 760_000), wire.Stderr: counted(1_000_000, 1_660_000),
			} {
				if !bytes.Equal(r.streams[stream].Bytes(), want) {
					t.Errorf("stream %d: %d bytes arrived that are not the %d written", stream, r.streams[stream].Len(), len(want))
				}
			}
		})
	}
}
