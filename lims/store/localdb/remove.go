//go:build unix

package localdb

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Remove deletes the folder of a cluster with all that is in it. It refuses what is not such a folder, a link to one, and one that a
// program holds (ErrHeld) or whose server has outlived its program.
func Remove(dir string) error {
	fi, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !fi.IsDir() {
		return fmt.Errorf("%s: not a folder", dir)
	}
	lock := filepath.Join(dir, lockName)
	if fi, err = os.Lstat(lock); err != nil {
		return fmt.Errorf("%s: not the folder of a private PostgreSQL: %w", dir, err)
	}
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s: %w", lock, fs.ErrInvalid)
	}
	f, err := takeLock(lock)
	if err != nil {
		return err
	}
	defer dropLock(f)
	if pid := (&Cluster{o: Options{Dir: dir}}).orphan(); pid != 0 {
		return fmt.Errorf("%s is %w, the server with process %d", dir, ErrHeld, pid)
	}
	return os.RemoveAll(dir)
}

// Since is when a program last took the cluster of a folder, or tried to.
func Since(dir string) (time.Time, error) {
	fi, err := os.Lstat(filepath.Join(dir, lockName))
	if err != nil {
		return time.Time{}, err
	}
	return fi.ModTime(), nil
}
