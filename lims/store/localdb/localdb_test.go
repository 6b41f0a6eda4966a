//go:build unix

package localdb

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain turns the test binary into a supervisor of its own where LIMS_LOCALDB_DIR is set, to be killed by a test.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LIMS_LOCALDB_DIR"); dir != "" {
		supervisor(dir)
	}
	os.Exit(m.Run())
}

func supervisor(dir string) {
	c, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the test closes it or kills us
	if err := c.Stop(context.Background()); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// folder is an empty folder that the user postgres can reach, which t.TempDir is not.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "localdb")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return filepath.Join(dir, "it's a lab") // blanks and quotes on the way
}

func start(t *testing.T, o Options) *Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c, err := Start(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop(context.Background())) })
	return c
}

func open(t *testing.T, c *Cluster) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", c.DSN())
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func exec1(t *testing.T, db *sql.DB, q string) {
	t.Helper()
	_, err := db.Exec(q)
	require.NoError(t, err)
}

func query(t *testing.T, db *sql.DB, q string) (s string) {
	t.Helper()
	require.NoError(t, db.QueryRow(q).Scan(&s))
	return s
}

func pidOf(t *testing.T, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	require.NoError(t, err)
	return pid
}

// other is a supervisor in a process of its own, ready when it returns.
type other struct {
	*exec.Cmd
	out *os.File
}

func (o other) ready(t *testing.T) {
	t.Helper()
	b := make([]byte, 300)
	n, err := o.out.Read(b)
	require.NoError(t, err)
	require.Equal(t, "ready\n", string(b[:n]))
}

func (o other) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, o.Process.Kill())
	_ = o.Wait() // "signal: killed"
}

func startOther(t *testing.T, bin, dir string, cred *syscall.Credential) other {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	in, hold, err := os.Pipe() // held open until the test ends: the other one stops when it closes
	require.NoError(t, err)
	cmd := exec.Command(bin)
	cmd.Env = append(os.Environ(), "LIMS_LOCALDB_DIR="+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, w, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	cmd.Dir = "/"
	require.NoError(t, cmd.Start())
	w.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); r.Close(); in.Close(); hold.Close() })
	return other{cmd, r}
}

func TestStartsKeepsAndStops(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c := start(t, Options{Dir: dir, Database: `city "x"`, Settings: map[string]string{"work_mem": "9MB"}})
	db := open(t, c)
	for setting, want := range map[string]string{
		"listen_addresses": "", "data_checksums": "on", "server_encoding": "UTF8", "work_mem": "9MB", "fsync": "on", "lc_ctype": "C.UTF-8", "TimeZone": "UTC",
	} {
		require.Equal(t, want, query(t, db, "SHOW "+setting), setting)
	}
	require.Equal(t, `city "x"`, query(t, db, "SELECT current_database()"))
	exec1(t, db, "CREATE TABLE tube (code text)")
	exec1(t, db, "INSERT INTO tube VALUES ('A-1')")
	fi, err := os.Stat(filepath.Join(dir, "run"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), fi.Mode().Perm())

	require.NoError(t, c.Stop(t.Context()))
	<-c.Done()
	require.NoError(t, c.Stop(t.Context()), "a second stop does nothing")
	require.NoFileExists(t, filepath.Join(dir, "data", "postmaster.pid"))

	again := start(t, Options{Dir: dir, Database: `city "x"`})
	require.Equal(t, "A-1", query(t, open(t, again), "SELECT code FROM tube"))
}

func TestKilledSupervisor(t *testing.T) {
	t.Parallel()
	for _, alsoServer := range []bool{false, true} {
		t.Run(fmt.Sprintf("and its server %v", alsoServer), func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			o := startOther(t, os.Args[0], dir, nil)
			o.ready(t)
			db := open(t, &Cluster{o: Options{Database: "lims"}, sock: filepath.Join(dir, "run")})
			exec1(t, db, "CREATE TABLE tube AS SELECT 'A-' || i AS code FROM generate_series(1, 1000) i")
			pid := pidOf(t, dir)
			o.kill(t)
			if alsoServer {
				require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			}
			c := start(t, Options{Dir: dir})
			require.Equal(t, "1000", query(t, open(t, c), "SELECT count(*) FROM tube"))
			require.NotEqual(t, pid, pidOf(t, dir))
			require.False(t, alive(pid))
		})
	}
}

func TestKilledServerIsStartedAgain(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c := start(t, Options{Dir: dir, backoff: time.Millisecond})
	db := open(t, c)
	exec1(t, db, "CREATE TABLE tube AS SELECT 'A-1' AS code")
	for range 2 {
		pid := pidOf(t, dir)
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		require.Eventually(t, func() bool {
			var s string
			return db.QueryRow("SELECT code FROM tube").Scan(&s) == nil && pidOf(t, dir) != pid
		}, time.Minute, 20*time.Millisecond)
	}
	t.Run("given up", func(t *testing.T) {
		require.NoError(t, os.Rename(filepath.Join(dir, "data", "PG_VERSION"), filepath.Join(dir, "data", "gone")))
		require.NoError(t, syscall.Kill(pidOf(t, dir), syscall.SIGKILL))
		<-c.Done()
		require.ErrorContains(t, c.Stop(t.Context()), "in a row")
		require.NoError(t, os.Rename(filepath.Join(dir, "data", "gone"), filepath.Join(dir, "data", "PG_VERSION")))
		again := start(t, Options{Dir: dir}) // the lock is free
		require.Equal(t, "A-1", query(t, open(t, again), "SELECT code FROM tube"))
		c.err = nil // seen; the clean-up asks again
	})
}

func TestSecondProgramIsRefused(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	o := startOther(t, os.Args[0], dir, nil)
	o.ready(t)
	_, err := Start(t.Context(), Options{Dir: dir})
	require.ErrorIs(t, err, ErrHeld)
	require.ErrorContains(t, err, fmt.Sprintf("process %d", o.Process.Pid))
}

func TestKilledWhileMaking(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	o := startOther(t, os.Args[0], dir, nil)
	require.Eventually(t, func() bool {
		m, _ := filepath.Glob(escapeGlob(dir) + "/new-*/global")
		return len(m) == 1
	}, time.Minute, time.Millisecond)
	o.kill(t)
	require.NoDirExists(t, filepath.Join(dir, "data"))
	c := start(t, Options{Dir: dir})
	require.Equal(t, "1", query(t, open(t, c), "SELECT 1"))
	m, err := filepath.Glob(escapeGlob(dir) + "/new-*")
	require.NoError(t, err)
	require.Empty(t, m)
}

// PostgreSQL would refuse to start in all of these: kill(pid, 0) succeeds.
func TestStalePidFile(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c := start(t, Options{Dir: dir})
	whole, err := os.ReadFile(c.pidPath())
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(whole), "\n")
	require.NoError(t, c.Stop(t.Context()))

	zombie := exec.Command("true")
	require.NoError(t, zombie.Start())
	require.Eventually(t, func() bool { return !alive(zombie.Process.Pid) }, time.Minute, time.Millisecond)
	require.True(t, exists(zombie.Process.Pid), "the zombie must still have its number for this test to mean anything")
	defer func() { _ = zombie.Wait() }()

	for name, pid := range map[string]int{"a zombie": zombie.Process.Pid, "a stranger": os.Getppid(), "nobody": 999999} {
		require.NoError(t, os.WriteFile(c.pidPath(), []byte(strconv.Itoa(pid)+"\n"+rest), 0o600), name)
		require.NoError(t, c.owner.own(c.pidPath()))
		lock := filepath.Join(c.sock, ".s.PGSQL.5432.lock")
		require.NoError(t, os.WriteFile(lock, []byte(strconv.Itoa(pid)+"\n"+rest), 0o600))
		require.NoError(t, c.owner.own(lock))
		again := start(t, Options{Dir: dir})
		require.Equal(t, "1", query(t, open(t, again), "SELECT 1"), name)
		require.NoError(t, again.Stop(t.Context()))
	}
}

func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), strings.Repeat("x", 110))
	c := start(t, Options{Dir: dir})
	require.NotContains(t, c.DSN(), dir)
	require.Equal(t, "1", query(t, open(t, c), "SELECT 1"))
	t.Cleanup(func() { os.RemoveAll(c.sock) })
	require.NoError(t, c.Stop(t.Context()))

	t.Run("a socket folder that is open to others is refused", func(t *testing.T) {
		require.NoError(t, os.Chmod(c.sock, 0o777))
		_, err := Start(t.Context(), Options{Dir: dir})
		require.ErrorContains(t, err, "closed to others")
	})
}

func TestRefusesData(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ file, content, want string }{
		"of another major version": {"PG_VERSION", "12\n", "made by version 12"},
		"without a version":        {"precious", "rows", "holds no PG_VERSION"},
		"with a strange version":   {"PG_VERSION", "twelve", `"twelve"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			require.NoError(t, makeDir(dir))
			require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o700))
			o, err := ownerFor(filepath.Join(dir, "none"))
			require.NoError(t, err)
			require.NoError(t, o.own(filepath.Join(dir, "data")))
			file := filepath.Join(dir, "data", tt.file)
			require.NoError(t, os.WriteFile(file, []byte(tt.content), 0o600))
			_, err = Start(t.Context(), Options{Dir: dir})
			require.ErrorContains(t, err, tt.want)
			if tt.content == "12\n" {
				require.ErrorIs(t, err, ErrVersion)
			}
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, tt.content, string(b))
			_, err = Start(t.Context(), Options{Dir: dir})
			require.NotErrorIs(t, err, ErrHeld, "a refusal gives the lock back")
		})
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, Options{Dir: dir})
	require.ErrorIs(t, err, context.Canceled)
	require.NoDirExists(t, filepath.Join(dir, "data"))
}

func TestBadSettingIsTold(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Dir: folder(t), Settings: map[string]string{"work_memory": "1"}})
	require.ErrorContains(t, err, `unrecognized configuration parameter "work_memory"`)
}
