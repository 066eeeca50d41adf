package program

import (
	"os"
	"testing"
)

// The agent touches itself, whatever is mapped into it.
func TestAProcessTouchesItself(t *testing.T) {
	if err := touchAll(os.Getpid(), false); err != nil {
		t.Error(err)
	}
}
