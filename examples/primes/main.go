// vulcan run examples/primes -- 50
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	limit := 30
	if len(os.Args) > 1 {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, "usage: primes [limit]")
			os.Exit(2)
		}
		limit = n
	}
	fmt.Println(sieve(limit))
}
