//go:build unix

package localdb

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxSocket is the longest path of a unix socket that PostgreSQL takes (sockaddr_un is 108 bytes with its end mark; 104 on the BSDs).
const maxSocket = 103

// owner is the user that PostgreSQL runs as where we are root; nil is ourselves.
type owner struct{ uid, gid int }

// ownerFor decides who runs the cluster. The owner of data that is there wins: made by one user, it is closed to all others.
func ownerFor(data string) (*owner, error) {
	me := os.Geteuid()
	fi, err := os.Stat(data)
	if err == nil {
		st := fi.Sys().(*syscall.Stat_t)
		switch {
		case me != 0 && int(st.Uid) != me:
			return nil, fmt.Errorf("%s belongs to user %d, this program runs as user %d: run it as its owner", data, st.Uid, me)
		case me != 0:
			return nil, nil
		case st.Uid == 0:
			return nil, fmt.Errorf("%s belongs to root, and PostgreSQL refuses to run as root: chown -R postgres: %s", data, data)
		}
		return &owner{int(st.Uid), int(st.Gid)}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if me != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, uerr := strconv.Atoi(u.Uid)
			gid, gerr := strconv.Atoi(u.Gid)
			if uerr == nil && gerr == nil && uid > 0 {
				return &owner{uid, gid}, nil
			}
		}
	}
	return nil, errors.New("PostgreSQL refuses to run as root and there is no user postgres or nobody: make one, or run as a normal user")
}

func (o *owner) own(path string) error {
	if o == nil {
		return nil
	}
	return os.Chown(path, o.uid, o.gid)
}

func (o *owner) id() int {
	if o == nil {
		return os.Geteuid()
	}
	return o.uid
}

// makeDir makes the folder of a cluster and those above it. What root makes can be passed by the user PostgreSQL runs as, not listed,
// whatever the umask; what is there is left as it is.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) { // another program may be making it as well
		return err
	}
	return os.Chmod(dir, mode)
}

// reachable finds the folder on the way that is closed to the cluster's user: /root, for one.
func (c *Cluster) reachable() error {
	if c.owner == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	enter := func(dir string) bool {
		_, err := c.run(ctx, "/bin/sh", "-c", `cd -- "$1"`, "sh", dir)
		return err == nil
	}
	if enter(c.o.Dir) {
		return nil
	}
	closed := c.o.Dir
	for d := filepath.Dir(closed); d != "/" && !enter(d); d = filepath.Dir(d) {
		closed = d
	}
	return fmt.Errorf("PostgreSQL runs as user %d, which cannot enter %s: choose another data folder (as root: %s) or chmod o+x %s",
		c.owner.uid, closed, DefaultDir(), closed)
}

// makeSocketDir makes the closed folder of the socket, and refuses one that somebody else made before us.
func (c *Cluster) makeSocketDir() (string, error) {
	dir := filepath.Join(c.o.Dir, "run")
	if len(dir)+len("/.s.PGSQL.5432") > maxSocket {
		h := fnv.New64a()
		_, _ = io.WriteString(h, c.o.Dir) // a hash does not fail
		dir = filepath.Join(os.TempDir(), fmt.Sprintf("lims-pg-%d-%x", c.owner.id(), h.Sum64()))
	}
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		if err = c.owner.own(dir); err == nil {
			err = os.Chmod(dir, 0o700)
		}
		return dir, err
	}
	if !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	fi, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	st := fi.Sys().(*syscall.Stat_t)
	if !fi.IsDir() || int(st.Uid) != c.owner.id() || fi.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s is not a folder of user %d closed to others: remove it", dir, c.owner.id())
	}
	return dir, nil
}

// lockName is the file in a cluster's folder that its supervisor locks.
const lockName = "supervisor.lock"

// takeLock takes the supervisor's lock and writes our process number into it. The lock goes with the process, however it ends;
// children do not inherit it.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		b, _ := io.ReadAll(io.LimitReader(f, 32)) // an empty answer is an answer
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s is %w, process %s: stop that one first, or use another data folder",
				filepath.Dir(path), ErrHeld, strings.TrimSpace(string(b)))
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// dropLock gives the lock back at once. Closing alone would not: a child that was forked and has not yet executed its program holds
// the same file, and with it the lock.
func dropLock(f *os.File) {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // closing is the fallback
	f.Close()
}
