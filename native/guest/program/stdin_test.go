package program

import (
	"bytes"
	"syscall"
	"testing"
)

// A program that never catches up with its input would else have all of it on its disk.
func TestWhatWasTakenOfInputGivesItsRoomBack(t *testing.T) {
	spool, err := newSpool(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer spool.file.Close()
	piece, buffer := bytes.Repeat([]byte("input"), 100_000), make([]byte, 500_000)
	most := int64(punchEvery + len(piece))
	push := func() {
		if err := spool.push(piece); err != nil {
			t.Fatal(err)
		}
	}
	push()
	for range 1000 {
		push()
		data, err := spool.next(buffer)
		if err != nil || !bytes.Equal(data, piece) {
			t.Fatalf("%d bytes, not those that were pushed (%v)", len(data), err)
		}
		info, err := spool.file.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if held := info.Sys().(*syscall.Stat_t).Blocks * 512; held > most {
			t.Fatalf("the file holds %d bytes of the disk, and %d are waiting", held, len(piece))
		}
	}
}
