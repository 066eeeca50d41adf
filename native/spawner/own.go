package main

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"
)

// name is what the first word of a command is that we do ourselves: a program costs more to start than these take.
const name = "vulcan-spawner"

// own does one of our own commands. Killed, it makes nothing more; what it unmounts or deletes is gone in a moment anyway.
func own(argv []string, killed <-chan struct{}) error {
	if len(argv) == 0 {
		return errors.New("a command is needed")
	}
	what, args := argv[0], argv[1:]
	switch {
	case what == "bind" && len(args)%2 == 0:
		return bind(args, killed)
	case what == "unmount":
		return unmount(args)
	case what == "copy" && len(args) == 4:
		uid, gid, err := owner(args[2], args[3])
		if err != nil {
			return err
		}
		return copySparse(args[0], args[1], uid, gid, killed)
	case what == "netns" && len(args) == 2 && args[0] == "add":
		return addNetns(args[1], killed)
	case what == "netns" && len(args) == 2 && args[0] == "delete":
		return deleteNetns(args[1])
	}
	return fmt.Errorf("%s with %d arguments is none of our commands", what, len(args))
}

func owner(uid, gid string) (int, int, error) {
	u, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("the user %q: %w", uid, err)
	}
	g, err := strconv.ParseUint(gid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("the group %q: %w", gid, err)
	}
	return int(u), int(g), nil
}

// ownAnswer is what a program that did the same would have left.
func (c *command) ownAnswer() answer {
	ended := answer{ID: c.asked.ID}
	err := own(c.asked.Argv[1:], c.killed)
	if errors.Is(err, errKilled) {
		ended.Signal = int(syscall.SIGKILL)
		return ended
	}
	code := 0
	if err != nil {
		code, ended.Stderr = 1, err.Error()+"\n"
	}
	ended.Code = &code
	return ended
}
