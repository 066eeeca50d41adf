package network

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// CheckName refuses what is no host name, and would be a line of its own in a file.
func CheckName(name string) error {
	const ends, inside = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", ".-_"
	if name == "" || len(name) > 253 || strings.Trim(name, ends+inside) != "" || strings.Trim(name, inside) != name {
		return fmt.Errorf("%q is no host name", name)
	}
	return nil
}

// HostsFile is the text of /etc/hosts.
func HostsFile(self string) string {
	text := "127.0.0.1 localhost\n"
	if self != "" {
		text += fmt.Sprintf("127.0.1.1 %s\n", self)
	}
	return text
}

// ResolvFile is the text of /etc/resolv.conf. The C library reads no more than three servers.
func ResolvFile(nameservers []string) (string, error) {
	var text strings.Builder
	for _, server := range nameservers {
		parsed, err := netip.ParseAddr(server)
		if err != nil {
			return "", fmt.Errorf("name server: %w", err)
		}
		fmt.Fprintf(&text, "nameserver %s\n", parsed)
	}
	if len(nameservers) > 0 {
		text.WriteString("options timeout:2 attempts:2\n")
	}
	return text.String(), nil
}

// Replace writes a file of /etc in place of whatever has its name: images may have a link there that leads nowhere.
func Replace(path, text string) error {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.WriteFile(temporary, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
