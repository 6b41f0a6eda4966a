package localdb

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MinMajor is the oldest version that is accepted: lib/pq and the schema ask for 14.
const MinMajor = 14

// binDirs are the places where distributions put the server programs, which are rarely in PATH.
var binDirs = []string{
	"/usr/lib/postgresql/*/bin",                            // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                     // postgresql.org packages for RHEL, SUSE
	"/usr/lib/postgresql*/bin", "/usr/libexec/postgresql*", // SUSE, Alpine
	"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin", // Homebrew
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/lib64/pgsql/bin",
}

type binaries struct {
	dir   string
	major int
}

// FindBin finds the folder of initdb and postgres and their major version: $LIMS_PG_BIN, else the newest in the known
// places, else PATH. The error wraps ErrNoBinaries and says what to install.
func FindBin() (dir string, major int, err error) {
	found, err := findAll()
	if err != nil {
		return "", 0, err
	}
	return found[0].dir, found[0].major, nil
}

// findFor prefers the programs that made the data: major 0 means that there is none yet.
func findFor(major int) (binaries, error) {
	found, err := findAll()
	if err != nil {
		return binaries{}, err
	}
	for _, b := range found {
		if b.major == major {
			return b, nil
		}
	}
	return found[0], nil
}

// findAll lists the usable programs, newest first, never empty without an error.
func findAll() ([]binaries, error) {
	if d := os.Getenv("LIMS_PG_BIN"); d != "" {
		b, err := probe(d)
		if err != nil {
			return nil, fmt.Errorf("LIMS_PG_BIN: %w", err)
		}
		if b.major < MinMajor {
			return nil, tooOld(b)
		}
		return []binaries{b}, nil
	}
	var found []binaries
	for _, d := range places() {
		if b, err := probe(d); err == nil {
			found = append(found, b)
		}
	}
	slices.SortStableFunc(found, func(a, b binaries) int { return cmp.Compare(b.major, a.major) })
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoBinaries, advice())
	}
	if found[0].major < MinMajor {
		return nil, tooOld(found[0])
	}
	return found, nil
}

func places() []string {
	var dirs []string
	for _, g := range binDirs {
		m, _ := filepath.Glob(g) // the patterns are constant: no error is possible
		dirs = append(dirs, m...)
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	return dirs
}

// probe asks the programs of a folder for their version: "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)".
func probe(dir string) (binaries, error) {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return binaries{}, fmt.Errorf("%w in %s: no program %s there", ErrNoBinaries, dir, name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("%s/postgres --version: %w", dir, err)
	}
	major, ok := majorOf(string(out))
	if !ok {
		return binaries{}, fmt.Errorf("%s/postgres --version: %q, expected a version", dir, out)
	}
	return binaries{dir, major}, nil
}

// majorOf reads the number that follows "(PostgreSQL) "; "18beta1" is 18.
func majorOf(version string) (int, bool) {
	_, v, ok := strings.Cut(version, "(PostgreSQL) ")
	if !ok {
		return 0, false
	}
	end := strings.IndexFunc(v, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(v)
	}
	n, err := strconv.Atoi(v[:end])
	return n, err == nil
}

func tooOld(b binaries) error {
	return fmt.Errorf("%w of version %d or newer (%s holds version %d): %s", ErrNoBinaries, MinMajor, b.dir, b.major, advice())
}

// advice is the one clear message for a machine without PostgreSQL.
func advice() string {
	how := "install the PostgreSQL server (Debian, Ubuntu: apt-get install postgresql; Fedora, RHEL: dnf install postgresql-server; Alpine: apk add postgresql)"
	switch runtime.GOOS {
	case "darwin":
		how = "install the PostgreSQL server (brew install postgresql@17)"
	case "windows":
		return "the private database needs Linux or macOS; name a PostgreSQL server with --dsn or LIMS_DSN"
	}
	return how + ", or name the folder of its programs in LIMS_PG_BIN, or name a running server with --dsn or LIMS_DSN"
}
