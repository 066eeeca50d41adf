package main

import (
	"os"
	"path/filepath"

	"vulcan/native/guest/kept"
	"vulcan/native/guest/program"
	"vulcan/native/guest/session"
	"vulcan/native/guest/socket"
	"vulcan/native/reaper"
)

// serveFolder is the agent without a vm: programs run as this user, in a folder, without limits.
func serveFolder(path, folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	work, runDir := filepath.Join(folder, "work"), filepath.Join(folder, "run")
	for _, dir := range []string{work, runDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	listener, err := socket.ListenUnix(path)
	if err != nil {
		return err
	}
	defer listener.Close()
	return serve(listener, &session.Environment{
		Version: version,
		Programs: &program.Host{
			Reaper: reaper.New(), UID: os.Getuid(), GID: os.Getgid(), RunDir: runDir, SpoolDir: folder, Disk: folder,
		},
		Runs: &kept.Runs{Abandoned: func() { os.Exit(0) }, Log: logf},
		Work: work, SpoolDir: folder,
		Configure: func(session.Configuration) error { return nil },
		Shutdown:  func() { os.Exit(0) },
		Log:       logf,
	})
}
