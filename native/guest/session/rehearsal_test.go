package session

import (
	"os"
	"path/filepath"
	"testing"
)

// What src/firecracker/rehearsal.ts has a guest do while nobody has it yet.
func TestARehearsalLeavesNothingAndTheProgramAfterItFindsNothing(t *testing.T) {
	c := dial(t)
	c.expectOk(c.upload(answer{"op": "write", "path": "rehearsal", "mode": 0o644}, "nothing\n"))
	if e := c.run("", answer{"argv": []string{"rm", "rehearsal"}, "rehearsal": true}); e.exit["code"] != 0.0 || e.stderr != "" {
		t.Fatalf("exit %v, stderr %q", e.exit, e.stderr)
	}
	left, err := os.ReadDir(filepath.Join(c.root, "work"))
	check(t, err)
	if len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	if e := c.run("ls -A", nil); e.stdout != "" || e.exit["code"] != 0.0 {
		t.Errorf("the program finds %q, exit %v", e.stdout, e.exit)
	}
}
