//go:build unix

package spool

import (
	"errors"
	"os"
	"syscall"
)

// takeLock holds the spool as long as the file is open: however the process ends, the lock goes with it.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrHeld
		}
		return nil, err
	}
	return f, nil
}

// dropLock gives the lock back at once. Closing alone would not: a child that was forked and has not yet executed its program holds
// the same file, and with it the lock.
func dropLock(f *os.File) error {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // closing is the fallback
	return f.Close()
}
