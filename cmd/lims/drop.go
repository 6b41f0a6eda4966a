package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// drop puts a plate file into an instrument's folder, whole or not at all: under another name first, because instruments watch the
// folder. The folder must be there: a share that is not mounted is not made up.
func drop(dir, name string, b []byte) error {
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return fmt.Errorf("file name %q: expected a name without folders", name)
	}
	if i, err := os.Stat(dir); err != nil || !i.IsDir() {
		return errors.Join(fmt.Errorf("folder %q: expected a folder", dir), err)
	}
	part := filepath.Join(dir, name+".part")
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(part, filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return nil
}
