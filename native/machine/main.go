// vulcan-machine is both ends of the host machine (a Linux with KVM inside QEMU, for computers that have none): as
// process 1 it is the machine's init, and on the host it keeps the QEMU process and tells whether KVM is usable.
package main

import (
	"fmt"
	"os"

	"vulcan/native/machine/inside"
	"vulcan/native/machine/keeper"
)

const usage = `usage: vulcan-machine kvm-check     say as JSON whether KVM is usable here; exit status 0 when it is
       vulcan-machine keep SPEC     run the machine of that specification until it is told to stop
`

func main() {
	if os.Getpid() == 1 {
		inside.Run()
		return
	}
	switch {
	case len(os.Args) == 2 && os.Args[1] == "kvm-check":
		os.Exit(kvmCheck(os.Stdout))
	case len(os.Args) == 3 && os.Args[1] == "keep":
		if err := keeper.Run(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "vulcan-machine keep:", err)
			os.Exit(1)
		}
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
}
