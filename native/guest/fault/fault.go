// Package fault is the one kind of error that the guest tells the host: a code of the protocol's list and words.
package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Code is one of the error codes of the guest protocol.
type Code string

const (
	BadRequest      Code = "bad_request"
	Busy            Code = "busy"
	ConfigureFailed Code = "configure_failed"
	WriteFailed     Code = "write_failed"
	DiskFull        Code = "disk_full"
	ArchiveCorrupt  Code = "archive_corrupt"
	ArchiveUnsafe   Code = "archive_unsafe"
	ArchiveTooLarge Code = "archive_too_large"
	ExecFailed      Code = "exec_failed"
	NoRun           Code = "no_run"
	Internal        Code = "internal"
)

// Error is a failed request. Step names the part of the request at which it failed.
type Error struct {
	Code    Code
	Step    string
	Message string
	cause   error
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.cause }

// New makes an error. A cause among the arguments (%w) is kept.
func New(code Code, step, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Step: step, Message: err.Error(), cause: errors.Unwrap(err)}
}

// Of gives any error a code: its own where it has one, disk_full where the disk is the reason, else the one given.
func Of(err error, otherwise Code, step string) *Error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return New(DiskFull, step, "the disk is full: %w", err)
	default:
		return New(otherwise, step, "%w", err)
	}
}

// Why is an error without the name of the system call and path, which the message around it says better.
func Why(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
