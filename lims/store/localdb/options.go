package localdb

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Options says where the cluster lives and how it runs. Only Dir is required.
type Options struct {
	Dir      string            // the folder of the cluster; made when missing
	BinDir   string            // where initdb and postgres are; empty: FindBin, preferring the version that made the data
	Database string            // made when missing; empty: "lims"
	Settings map[string]string // PostgreSQL settings, such as "fsync": "off"
	Log      *slog.Logger      // nil: silent

	backoff time.Duration // between restarts, times their number; tests shorten it
}

// Errors that callers tell apart.
var (
	// ErrNoBinaries: no server programs of PostgreSQL on this machine. The error's text says what to install.
	ErrNoBinaries = errors.New("no PostgreSQL server programs found")
	// ErrHeld: another program runs the cluster of this folder. The error's text names its process.
	ErrHeld = errors.New("held by another program")
	// ErrVersion: the data was made by another major version than the programs at hand.
	ErrVersion = errors.New("another major version of PostgreSQL")
)

// DefaultDir is the folder used where none is named: /var/lib/lims for root, because PostgreSQL runs as another user that
// cannot reach root's home; else the user's own data folder.
func DefaultDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/lims"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "lims-"+strconv.Itoa(os.Getuid()))
	}
	switch runtime.GOOS {
	case "windows":
		if d := os.Getenv("LOCALAPPDATA"); d != "" {
			return filepath.Join(d, "lims")
		}
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "lims")
	default:
		if d := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(d) {
			return filepath.Join(d, "lims")
		}
	}
	return filepath.Join(home, ".local", "share", "lims")
}

// dsn writes a key=value connection string; values are quoted as libpq asks (PostgreSQL manual 34.1.1.1).
func dsn(socket, database string) string {
	q := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	}
	return "host=" + q(socket) + " user=lims dbname=" + q(database) + " sslmode=disable"
}
