//go:build unix

package localdb

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// asRoot says whether these tests can run: they change users.
func asRoot(t *testing.T) bool {
	if os.Geteuid() != 0 {
		t.Log("not root: nothing to test")
		return false
	}
	return true
}

func nobody(t *testing.T) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("nobody")
	require.NoError(t, err)
	uid, err := strconv.Atoi(u.Uid)
	require.NoError(t, err)
	gid, err := strconv.Atoi(u.Gid)
	require.NoError(t, err)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// publicBinary copies the test binary to where other users can execute it.
func publicBinary(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "localdb-bin")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	in, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(dir, "supervisor"), os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
	return out.Name()
}

// A normal user makes the cluster; root starts it later and must run it as that user.
func TestOwnerOfTheDataWins(t *testing.T) {
	t.Parallel()
	if !asRoot(t) {
		return
	}
	who := nobody(t)
	dir := folder(t)
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.Chown(dir, int(who.Uid), int(who.Gid)))
	o := startOther(t, publicBinary(t), dir, who)
	o.ready(t)
	_, err := Start(t.Context(), Options{Dir: dir})
	require.ErrorIs(t, err, ErrHeld)
	o.kill(t)

	c := start(t, Options{Dir: dir})
	require.Equal(t, "1", query(t, open(t, c), "SELECT 1"))
	fi, err := os.Stat(fmt.Sprintf("/proc/%d", pidOf(t, dir)))
	require.NoError(t, err)
	require.Equal(t, who.Uid, fi.Sys().(*syscall.Stat_t).Uid)
}

func TestClosedParentIsNamed(t *testing.T) {
	t.Parallel()
	if !asRoot(t) {
		return
	}
	closed := filepath.Join(folder(t), "home")
	require.NoError(t, os.MkdirAll(closed, 0o700))
	require.NoError(t, os.Chmod(filepath.Dir(closed), 0o755))
	_, err := Start(t.Context(), Options{Dir: filepath.Join(closed, "a", "b")})
	require.ErrorContains(t, err, "cannot enter "+closed+":")
	require.ErrorContains(t, err, "/var/lib/lims")
}

func TestRootOwnedDataIsRefused(t *testing.T) {
	t.Parallel()
	if !asRoot(t) {
		return
	}
	dir := folder(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "data"), 0o700))
	_, err := Start(t.Context(), Options{Dir: dir})
	require.ErrorContains(t, err, "chown -R postgres")
}

func TestForeignDataIsRefused(t *testing.T) {
	t.Parallel()
	if !asRoot(t) {
		return
	}
	who := nobody(t)
	dir := folder(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "data"), 0o700))
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chown(dir, int(who.Uid), int(who.Gid)))
	o := startOther(t, publicBinary(t), dir, who)
	b := make([]byte, 300)
	n, err := o.out.Read(b)
	require.NoError(t, err)
	require.Contains(t, string(b[:n]), "run it as its owner")
}
