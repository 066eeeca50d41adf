package program

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Usage is what a program has used.
type Usage struct {
	CPUUs            int64 `json:"cpu_us"`
	PeakMemBytes     int64 `json:"peak_mem_bytes"`
	ThrottledUs      int64 `json:"throttled_us"`
	DiskWrittenBytes int64 `json:"disk_written_bytes"`
	NetRxBytes       int64 `json:"net_rx_bytes"`
	NetTxBytes       int64 `json:"net_tx_bytes"`
}

// counters are those of the whole vm; a program's share is what was added while it ran.
type counters struct{ diskUsed, diskWritten, netRx, netTx int64 }

func (h *Host) readCounters() counters {
	return counters{
		diskUsed:    h.diskUsed(),
		diskWritten: 512 * field(h.BlockStat, 6),
		netRx:       field(filepath.Join(h.NetStats, "rx_bytes"), 0),
		netTx:       field(filepath.Join(h.NetStats, "tx_bytes"), 0),
	}
}

// field is a number of a file of numbers; 0 where there is no such file: no disk or no network.
func field(path string, index int) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if index >= len(fields) {
		return 0
	}
	n, _ := strconv.ParseInt(fields[index], 10, 64)
	return n
}

func (h *Host) diskUsed() int64 {
	var of unix.Statfs_t
	if unix.Statfs(h.Disk, &of) != nil {
		return 0
	}
	return int64(of.Blocks-of.Bfree) * of.Bsize
}

// diskFull says whether the program's user had no room left: blocks, but for crumbs that no write of usual size fits
// in, or inodes.
func (h *Host) diskFull() bool {
	var of unix.Statfs_t
	if unix.Statfs(h.Disk, &of) != nil {
		return false
	}
	const crumbs = 64 << 10
	return int64(of.Bavail)*of.Bsize < crumbs || (of.Files > 0 && of.Ffree == 0)
}

// usage adds up. Much of what was written is still in the page cache, so the growth of the file system counts where
// that is more than what has reached the device.
func usageOf(before, after counters) Usage {
	return Usage{
		DiskWrittenBytes: max(0, after.diskUsed-before.diskUsed, after.diskWritten-before.diskWritten),
		NetRxBytes:       max(0, after.netRx-before.netRx),
		NetTxBytes:       max(0, after.netTx-before.netTx),
	}
}
