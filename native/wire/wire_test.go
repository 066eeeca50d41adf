package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

type vector struct {
	Name string
	Hex  string
	Then struct {
		Byte  string
		Times int
	}
	Frame struct {
		Type    string
		Message json.RawMessage
		Stream  uint32
		Data    string
	}
	Canonical *bool
	Why       string
}

type vectors struct{ Frames, Refused, Cut []vector }

func load(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("../../test/vectors/frames.json")
	if err != nil {
		t.Fatal(err)
	}
	var all vectors
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Frames) == 0 || len(all.Refused) == 0 || len(all.Cut) == 0 {
		t.Fatal("vectors are missing")
	}
	return all
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (v vector) bytes(t testing.TB) []byte {
	return append(unhex(t, v.Hex), bytes.Repeat(unhex(t, v.Then.Byte), v.Then.Times)...)
}

func (v vector) data(t testing.TB) []byte {
	return append(unhex(t, v.Frame.Data), bytes.Repeat(unhex(t, v.Then.Byte), v.Then.Times)...)
}

func TestGoldenFramesDecode(t *testing.T) {
	for _, v := range load(t).Frames {
		t.Run(v.Name, func(t *testing.T) {
			// HalfReader and the like cut the bytes elsewhere; io.ReadFull in the reader must not mind.
			for _, from := range []io.Reader{bytes.NewReader(v.bytes(t)), iotest.HalfReader(bytes.NewReader(v.bytes(t)))} {
				reader := NewReader(from)
				frame, err := reader.Next()
				if err != nil {
					t.Fatal(err)
				}
				checkFrame(t, v, frame)
				if _, err := reader.Next(); err != io.EOF {
					t.Errorf("after the frame: %v, want EOF", err)
				}
			}
		})
	}
}

func checkFrame(t *testing.T, v vector, frame Frame) {
	t.Helper()
	wantType := map[string]Type{"control": Control, "data": Data, "end": End}[v.Frame.Type]
	if frame.Type != wantType || frame.Stream != v.Frame.Stream {
		t.Fatalf("type %d stream %d, want %d and %d", frame.Type, frame.Stream, wantType, v.Frame.Stream)
	}
	if frame.Type != Control {
		if !bytes.Equal(frame.Payload, v.data(t)) {
			t.Error("another payload")
		}
		return
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(frame.Payload, &got), json.Unmarshal(v.Frame.Message, &want)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("message %s, want %s", frame.Payload, v.Frame.Message)
	}
}

func TestGoldenFramesEncode(t *testing.T) {
	for _, v := range load(t).Frames {
		if v.Canonical != nil && !*v.Canonical {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			var sent bytes.Buffer
			writer := NewWriter(&sent)
			var err error
			switch v.Frame.Type {
			case "control":
				err = writer.Control(v.Frame.Message)
			case "data":
				err = writer.Data(v.Frame.Stream, v.data(t))
			case "end":
				err = writer.End(v.Frame.Stream)
			}
			if err != nil {
				t.Fatal(err)
			}
			want := v.bytes(t)
			if v.Frame.Type == "control" {
				// The encoder may write U+2028 as an escape; what must agree are header and meaning.
				frame, err := NewReader(&sent).Next()
				if err != nil {
					t.Fatal(err)
				}
				checkFrame(t, v, frame)
			} else if !bytes.Equal(sent.Bytes(), want) {
				t.Errorf("%x, want %x", sent.Bytes()[:HeaderBytes], want[:HeaderBytes])
			}
		})
	}
}

func TestRefusedFrames(t *testing.T) {
	for _, v := range load(t).Refused {
		t.Run(v.Name, func(t *testing.T) {
			reader := NewReader(iotest.OneByteReader(bytes.NewReader(v.bytes(t))))
			var err error
			for err == nil {
				_, err = reader.Next()
			}
			var refusal *ProtocolError
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, v.Why) {
				t.Errorf("got %v, want a protocol error with %q", err, v.Why)
			}
		})
	}
}

func TestCutFrames(t *testing.T) {
	for _, v := range load(t).Cut {
		t.Run(v.Name, func(t *testing.T) {
			reader := NewReader(bytes.NewReader(v.bytes(t)))
			var err error
			for err == nil {
				_, err = reader.Next()
			}
			if err != io.ErrUnexpectedEOF {
				t.Errorf("got %v, want an unexpected EOF", err)
			}
		})
	}
}

func TestDataOverTheLimitIsSplitAndControlIsNot(t *testing.T) {
	var sent bytes.Buffer
	writer := NewWriter(&sent)
	data := bytes.Repeat([]byte("x"), MaxPayload+1)
	if err := writer.Data(Stdout, data); err != nil {
		t.Fatal(err)
	}
	reader := NewReader(&sent)
	for _, want := range []int{MaxPayload, 1} {
		frame, err := reader.Next()
		if err != nil || len(frame.Payload) != want {
			t.Fatalf("a frame of %d bytes (%v), want %d", len(frame.Payload), err, want)
		}
	}
	var refusal *ProtocolError
	if err := writer.Control(map[string]string{"text": string(data)}); !errors.As(err, &refusal) {
		t.Errorf("control over the limit: %v", err)
	}
	if err := writer.Control([]int{1}); !errors.As(err, &refusal) {
		t.Errorf("control that is no object: %v", err)
	}
}

// What was decoded and is encoded again must be the same bytes (control aside, whose JSON has more than one form), and
// nothing may make the reader panic or take memory for bytes that never come.
func FuzzDecoder(f *testing.F) {
	all := load(f)
	for _, group := range [][]vector{all.Frames, all.Refused, all.Cut} {
		for _, v := range group {
			if v.Then.Times == 0 {
				f.Add(v.bytes(f))
			}
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		from := bytes.NewReader(input)
		reader := NewReader(from)
		for {
			before := len(input) - from.Len()
			frame, err := reader.Next()
			if err != nil {
				return
			}
			var again bytes.Buffer
			if err := NewWriter(&again).frame(frame.Type, frame.Stream, frame.Payload); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again.Bytes(), input[before:len(input)-from.Len()]) {
				t.Fatalf("%x came back as %x", input[before:len(input)-from.Len()], again.Bytes())
			}
		}
	})
}
