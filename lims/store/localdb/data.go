//go:build unix

package localdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// hba lets in whoever can reach the socket, and its folder is closed to all but the owner and root.
const hba = "# written by lims: only the socket, in a folder closed to others\nlocal all all trust\n"

// dataMajor is the version that made the data, 0 where there is none yet.
func dataMajor(data string) (int, error) {
	b, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	switch {
	case err == nil:
		n, bad := strconv.Atoi(strings.TrimSpace(string(b)))
		if bad != nil {
			return 0, fmt.Errorf("%s/PG_VERSION: %q, expected a version number", data, b)
		}
		return n, nil
	case !errors.Is(err, fs.ErrNotExist):
		return 0, err
	}
	if _, err := os.Lstat(data); err == nil {
		return 0, fmt.Errorf("%s is there but holds no PG_VERSION: move it away, it is not made anew", data)
	}
	return 0, nil
}

// chooseBin settles the programs and refuses data of another major version.
func (c *Cluster) chooseBin() error {
	have, err := dataMajor(c.data())
	if err != nil {
		return err
	}
	b := binaries{}
	if c.o.BinDir != "" {
		b, err = probe(c.o.BinDir)
		if err == nil && b.major < MinMajor {
			err = tooOld(b)
		}
	} else {
		b, err = findFor(have)
	}
	if err != nil {
		return err
	}
	if have != 0 && have != b.major {
		return fmt.Errorf("%w: %s was made by version %d, the programs at %s are version %d. It was not touched. "+
			"Install version %d (Debian: apt-get install postgresql-%d) or move the data with pg_upgrade or pg_dump",
			ErrVersion, c.data(), have, b.dir, b.major, have, have)
	}
	c.bin = b.dir
	return nil
}

// makeData runs initdb under another name and renames the whole, so that a half-made cluster is never taken for one.
func (c *Cluster) makeData(ctx context.Context) error {
	if have, err := dataMajor(c.data()); err != nil || have != 0 {
		return err
	}
	half, err := filepath.Glob(filepath.Join(escapeGlob(c.o.Dir), "new-*"))
	if err != nil {
		return err
	}
	for _, d := range half { // left by a start that was killed; we hold the lock, so nobody else is making one
		if err := os.RemoveAll(d); err != nil {
			return err
		}
	}
	tmp, err := os.MkdirTemp(c.o.Dir, "new-")
	if err != nil {
		return err
	}
	if err = c.owner.own(tmp); err == nil {
		err = c.initdb(ctx, tmp)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(tmp, "pg_hba.conf"), []byte(hba), 0o600)
	}
	if err == nil {
		err = os.Rename(tmp, c.data())
	}
	if err != nil {
		_ = os.RemoveAll(tmp) // what stays is removed by the next start
		return err
	}
	c.log.Info("private PostgreSQL made", "dir", c.data(), "bin", c.bin)
	return syncDir(c.o.Dir)
}

func (c *Cluster) initdb(ctx context.Context, dir string) error {
	locale := "C.UTF-8" // bytewise order, Unicode upper and lower case
	if runtime.GOOS != "linux" {
		locale = "C" // the only one found everywhere
	}
	out, err := c.run(ctx, filepath.Join(c.bin, "initdb"), "-D", dir, "-U", "lims", "-A", "trust", "-E", "UTF8",
		"--locale="+locale, "--data-checksums", "--no-instructions")
	if err == nil {
		return nil
	}
	if strings.Contains(out, "could not look up effective user ID") {
		return fmt.Errorf("initdb: this user has no entry in /etc/passwd, and PostgreSQL needs one; add it or name a server with --dsn: %w", err)
	}
	return fmt.Errorf("initdb: %w: %s", err, lastLines(out, 5))
}

// run executes a program as the cluster's user and waits. It dies with us: the thread that forked is kept.
func (c *Cluster) run(ctx context.Context, name string, args ...string) (out string, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = c.owner.attr(syscall.SIGKILL)
	cmd.Dir = "/"
	cmd.Env = env()
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err = cmd.Run()
	return b.String(), err
}

// env is all that PostgreSQL inherits: PG* variables of the user's shell must not reach it.
func env() []string {
	e := []string{"PATH=" + os.Getenv("PATH"), "TZ=UTC", "LC_ALL=C", "HOME=/"}
	if d := os.Getenv("LD_LIBRARY_PATH"); d != "" {
		e = append(e, "LD_LIBRARY_PATH="+d)
	}
	return e
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

func lastLines(s string, n int) string {
	l := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(l[max(0, len(l)-n):], "\n")
}
