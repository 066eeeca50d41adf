// vulcan-probe is what the tests run in the place of a VMM that a guest has broken out into: as the user of a living vm,
// in its root, namespaces and cgroup, under its limits. It tells what can be seen and done from there. The system call
// filter of Firecracker is the one thing it does not have, so it may do more than a VMM can. It is no part of the product.
//
//	vulcan-probe enter PID look   < {"own": […], "unix": […], "tcp": […], "pids": […], "files": […]}
//	vulcan-probe enter PID limits
//	vulcan-probe enter PID hog
//	vulcan-probe filters PID
//	vulcan-probe send INTERFACE   < frames, a line of hex each
//
// As /init of a vm it is a guest in other hands: init.go.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

func main() {
	if os.Getpid() == 1 {
		fmt.Fprintln(os.Stderr, "vulcan-probe:", beInit())
		return
	}
	if err := act(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "vulcan-probe:", err)
		os.Exit(1)
	}
}

func act(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "enter":
		return enter(words[1], words[2])
	case len(words) == 2 && words[0] == "inside":
		return goInside(words[1])
	case len(words) == 2 && words[0] == "filters":
		pid, err := strconv.Atoi(words[1])
		if err != nil {
			return err
		}
		return tell(filtersOf(pid))
	case len(words) == 2 && words[0] == "send":
		return send(words[1])
	case len(words) == 1 && words[0] == "look":
		var at targets
		if err := json.NewDecoder(os.Stdin).Decode(&at); err != nil {
			return fmt.Errorf("reading what to look for: %w", err)
		}
		return tell(look(at))
	case len(words) == 1 && words[0] == "limits":
		return tell(tryLimits())
	case len(words) == 1 && words[0] == "hog":
		return hog()
	case len(words) == 1 && words[0] == "serve-root":
		return serveRoot()
	}
	return fmt.Errorf("usage: vulcan-probe enter PID look|limits|hog, filters PID or send INTERFACE; not %q", words)
}

func tell[T any](found T, err error) error {
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}
