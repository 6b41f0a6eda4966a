package send

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A folder takes the report as a file. It appears whole or not at all: written as NAME.part, flushed to the disk, renamed, and
// the folder flushed. Nothing outside Outbound.Folder is ever touched, not even through a symbolic link (os.Root).
//
// Address: a folder that exists, below Outbound.Folder; relative to it, or absolute. The file is named by the delivery's id and the
// parcel's name, so that a repeat finds its own file and leaves it alone. Options: none.
func init() {
	register(Channel{Name: "folder", Title: "Folder: a file, written whole", Check: checkFolder, Send: sendFolder})
}

func checkFolder(o *Outbound, d Destination) error {
	_, err := o.below(d)
	return err
}

// below is the destination's folder relative to Outbound.Folder.
func (o *Outbound) below(d Destination) (string, error) {
	if o.Folder == "" {
		return "", refuse("destination %s: this installation has no folder for outgoing files", d.ID)
	}
	path := d.Address
	if filepath.IsAbs(path) {
		root, err := filepath.Abs(o.Folder)
		if err != nil {
			return "", refuse("destination %s: %w", d.ID, err)
		}
		if path, err = filepath.Rel(root, path); err != nil {
			return "", refuse("destination %s: folder %q: expected one below %q", d.ID, d.Address, o.Folder)
		}
	}
	if path == "" || !filepath.IsLocal(path) || strings.ContainsRune(path, 0) {
		return "", refuse("destination %s: folder %q: expected one below %q", d.ID, d.Address, o.Folder)
	}
	return path, nil
}

func sendFolder(ctx context.Context, o *Outbound, d Destination, p Parcel) (Receipt, error) {
	path, err := o.below(d)
	if err != nil {
		return Receipt{}, err
	}
	root, err := os.OpenRoot(o.Folder)
	if err != nil {
		return Receipt{}, cannot(d, err)
	}
	defer root.Close()
	folder, err := root.OpenRoot(path)
	if err != nil {
		return Receipt{}, cannot(d, err)
	}
	defer folder.Close()
	if err := ctx.Err(); err != nil {
		return Receipt{}, &Error{Err: err}
	}
	name := fileName(p)
	there, err := same(folder, name, p.Bytes)
	switch {
	case err != nil:
		return Receipt{}, cannot(d, err)
	case there:
		return Receipt{Accepted: true, Text: name + " (was there)"}, nil
	}
	if err := write(folder, name, p.Bytes); err != nil {
		return Receipt{}, cannot(d, err)
	}
	return Receipt{Accepted: true, Text: name}, nil
}

// cannot is retryable but where the path itself is wrong: a share that is not mounted comes back.
func cannot(d Destination, err error) error {
	return &Error{Err: fmt.Errorf("destination %s: %w", d.ID, err)}
}

// fileName is the delivery's id and the parcel's name made harmless; the id alone where the name holds it.
func fileName(p Parcel) string {
	safe := strings.Map(func(c rune) rune {
		if c < ' ' || strings.ContainsRune(`/\:*?"<>|`, c) || c == 0x7f {
			return '_'
		}
		return c
	}, p.Name)
	if len(safe) > 100 { // the end holds the extension
		safe = strings.ToValidUTF8(safe[len(safe)-100:], "")
	}
	switch {
	case safe == "":
		return p.ID
	case strings.HasPrefix(safe, p.ID+"."):
		return safe
	}
	return p.ID + "-" + safe
}

// same says whether the file is there with these bytes.
func same(folder *os.Root, name string, want []byte) (bool, error) {
	f, err := folder.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	got, err := io.ReadAll(io.LimitReader(f, int64(len(want))+1))
	return bytes.Equal(got, want), err
}

// write makes the file appear whole. A .part left by an attempt that died is written over.
func write(folder *os.Root, name string, content []byte) error {
	part := name + ".part"
	f, err := folder.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = folder.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, folder.Remove(part))
	}
	dir, err := folder.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
