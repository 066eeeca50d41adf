package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

func main() {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		panic(err)
	}
	fmt.Printf("Hello from %s, in a kernel of my own: Linux %s\n", runtime.Version(), strings.TrimSpace(string(release)))
}
