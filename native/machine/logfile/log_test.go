package logfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestTheFilesAreBoundedAndTheNewestLinesKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log := New(path, 1000)
	for i := range 1000 {
		log.Write(fmt.Appendf(nil, "line %d\n", i))
	}
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		if err != nil || info.Size() == 0 || info.Size() > 1000 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	content, _ := os.ReadFile(path)
	if !bytes.HasSuffix(content, []byte("line 999\n")) {
		t.Errorf("the log ends with %q", content[max(0, len(content)-20):])
	}
	if last := log.Last(2); len(last) != 2 || last[0] != "line 998" || last[1] != "line 999" {
		t.Errorf("last %q", last)
	}
}

func TestAnOldLogIsContinuedAndRotatedOnDemand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	New(path, 1000).Write([]byte("new\n"))
	if content, _ := os.ReadFile(path); string(content) != "old\nnew\n" {
		t.Errorf("continued: %q", content)
	}
	log := New(path, 1000)
	if err := log.Rotate(); err != nil {
		t.Fatal(err)
	}
	log.Write([]byte("newest\n"))
	now, _ := os.ReadFile(path)
	before, _ := os.ReadFile(path + ".1")
	if string(now) != "newest\n" || string(before) != "old\nnew\n" {
		t.Errorf("now %q, before %q", now, before)
	}
}

func TestNothingWrittenIsNoLines(t *testing.T) {
	if last := New(filepath.Join(t.TempDir(), "log"), 10).Last(5); len(last) != 0 {
		t.Errorf("last %q", last)
	}
}
