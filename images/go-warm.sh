# Builds and runs a program of what small programs are made of: compiler, linker and libraries are then in memory.
set -e
place=$(mktemp -d)
cd "$place"
cat >main.go <<'END'
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	var group sync.WaitGroup
	group.Add(1)
	go func() {
		defer group.Done()
		time.Sleep(time.Millisecond)
	}()
	group.Wait()
	words := strings.Fields("c a b")
	sort.Strings(words)
	text, err := json.Marshal(map[string]any{"words": words, "n": strconv.Itoa(rand.Intn(9)), "status": http.StatusOK})
	if err != nil || !regexp.MustCompile(`"a"`).Match(text) {
		err = errors.Join(err, io.ErrUnexpectedEOF)
	}
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, string(text), err)
	out.Flush()
}
END
go build -o main main.go
./main
cd /
rm -rf "$place"
