// Package modules loads the kernel modules that an initramfs brought along.
package modules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is where an initramfs has them (src/images/initramfs.ts). What lies there holds memory until it is removed.
const Dir = "/modules"

// Load loads the files that the file "order" in dir names, in that order; a kernel with everything built in needs no
// such file. One that fails stops no other; there is an error for each, and the caller knows what it means.
func Load(dir string) (failures []error) {
	order, err := os.ReadFile(filepath.Join(dir, "order"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return []error{err}
	}
	for name := range strings.FieldsSeq(string(order)) {
		if err := load(filepath.Join(dir, name)); err != nil {
			failures = append(failures, fmt.Errorf("module %s: %w", name, err))
		}
	}
	return failures
}

func load(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	err = unix.FinitModule(int(file.Fd()), "", flags(path))
	if errors.Is(err, unix.EEXIST) { // built in, or loaded already
		return nil
	}
	return err
}

// flags has the kernel itself inflate what is compressed.
func flags(path string) int {
	if filepath.Ext(path) == ".ko" {
		return 0
	}
	return unix.MODULE_INIT_COMPRESSED_FILE
}
