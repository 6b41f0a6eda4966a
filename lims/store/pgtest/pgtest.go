// Package pgtest gives every test a PostgreSQL database of its own with the whole schema in it, in about 30 ms.
//
// It is for tests only: the cluster behind it does not sync to disk. It needs the server programs of PostgreSQL on the machine and
// fails the test where there are none; it never skips.
//
// How it works. A test process takes the first free slot, a folder in memory or below the temporary folder that is locked while in use, and
// runs the cluster in it (package localdb); packages that are tested at the same time take different slots. The folder stays for the next run, with
// a template database named after the content of the migrations, so that most runs only start a server (50 ms). What a killed run left is
// dropped by the next owner of the slot; a slot that does not start is made anew. The server ends with the test process.
package pgtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lib/pq"

	"natlims/lims/store/localdb"
	"natlims/migrations"
)

// slots is the largest number of test processes of one user at a time.
const slots = 64

// settings make the cluster fast and forgetful.
var settings = map[string]string{
	"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
	"max_connections": "300", "shared_buffers": "64MB", "max_wal_size": "256MB", "log_min_messages": "fatal",
}

type server struct {
	cluster  *localdb.Cluster
	admin    *sql.DB
	template string
	made     atomic.Int64
}

var (
	mu      sync.Mutex
	running *server
	broken  error // the first failure is told to every test, not tried again
)

// New makes a database with all migrations applied and gives its connection string. It is dropped when the test ends,
// whoever is still connected.
func New(t testing.TB) (dsn string) {
	t.Helper()
	s := shared(t)
	return s.create(t, s.template)
}

// Empty is New without migrations.
func Empty(t testing.TB) (dsn string) {
	t.Helper()
	return shared(t).create(t, "template0")
}

// Stop ends the server of this process, if one runs; the next New starts it again. Only a TestMain that counts goroutines needs it.
func Stop() error {
	mu.Lock()
	defer mu.Unlock()
	if running == nil {
		return nil
	}
	s := running
	running = nil
	return errors.Join(s.admin.Close(), s.cluster.Stop(context.Background()))
}

func shared(t testing.TB) *server {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if running == nil && broken == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		running, broken = open(ctx, filepath.Join(base(), fmt.Sprintf("lims-pgtest-%d", os.Getuid())))
	}
	if broken != nil {
		t.Fatalf("pgtest: %v", broken)
	}
	return running
}

// open takes the first free slot and brings it into order.
func open(ctx context.Context, root string) (*server, error) {
	for i := range slots {
		dir := filepath.Join(root, fmt.Sprint(i))
		c, err := localdb.Start(ctx, localdb.Options{Dir: dir, Database: "pgtest", Settings: settings})
		if errors.Is(err, localdb.ErrHeld) {
			continue
		}
		if err != nil && !errors.Is(err, localdb.ErrNoBinaries) && ctx.Err() == nil {
			c, err = anew(ctx, dir, err)
		}
		if err != nil {
			return nil, err
		}
		s, err := tidy(ctx, c)
		if err != nil {
			_ = c.Stop(context.Background()) // the first error is the one to tell
			return nil, err
		}
		return s, nil
	}
	return nil, fmt.Errorf("all %d slots in %s are taken", slots, root)
}

// anew empties the data of a slot that does not start, such as one made by an older PostgreSQL or half swept by a cleaner of
// temporary files. Another process may be at the same: it then holds the lock, and its slot is left alone.
func anew(ctx context.Context, dir string, why error) (*localdb.Cluster, error) {
	if err := os.Rename(filepath.Join(dir, "data"), filepath.Join(dir, fmt.Sprintf("old-%d", os.Getpid()))); err != nil {
		return nil, errors.Join(why, err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "old-*"))
	if err != nil {
		return nil, err
	}
	for _, d := range old {
		if err := os.RemoveAll(d); err != nil {
			return nil, errors.Join(why, err)
		}
	}
	return localdb.Start(ctx, localdb.Options{Dir: dir, Database: "pgtest", Settings: settings})
}

// tidy drops what earlier owners of the slot left and makes the template where the migrations are new.
func tidy(ctx context.Context, c *localdb.Cluster) (*server, error) {
	name, err := templateName(migrations.FS)
	if err != nil {
		return nil, err
	}
	admin, err := sql.Open("postgres", c.DSN())
	if err != nil {
		return nil, err
	}
	admin.SetMaxOpenConns(4)
	s := &server{cluster: c, admin: admin, template: name}
	if err = s.drop(ctx); err == nil {
		err = s.makeTemplate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, admin.Close())
	}
	return s, nil
}

func (s *server) drop(ctx context.Context) error {
	var old []string
	err := s.admin.QueryRowContext(ctx, `SELECT coalesce(array_agg(datname), '{}') FROM pg_database
		WHERE datname LIKE 'test\_%' OR datname LIKE 'schema\_%' AND datname <> $1`, s.template).Scan(pq.Array(&old))
	if err != nil {
		return err
	}
	for _, name := range old {
		if _, err := s.admin.ExecContext(ctx, `DROP DATABASE `+pq.QuoteIdentifier(name)+` WITH (FORCE)`); err != nil {
			return err
		}
	}
	return nil
}

// makeTemplate migrates under another name and renames the whole, so that a half-made template is never copied.
func (s *server) makeTemplate(ctx context.Context) error {
	var there bool
	if err := s.admin.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, s.template).Scan(&there); err != nil || there {
		return err
	}
	if _, err := s.admin.ExecContext(ctx, `CREATE DATABASE schema_half TEMPLATE template0`); err != nil {
		return err
	}
	db, err := sql.Open("postgres", s.dsn("schema_half"))
	if err != nil {
		return err
	}
	_, err = migrations.Up(ctx, db)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	// Nobody may connect to a template: CREATE DATABASE refuses to copy one that is in use.
	_, err = s.admin.ExecContext(ctx, `ALTER DATABASE schema_half RENAME TO `+s.template)
	if err == nil {
		_, err = s.admin.ExecContext(ctx, `ALTER DATABASE `+s.template+` ALLOW_CONNECTIONS false`)
	}
	return err
}

// templateName changes with every change to a migration.
func templateName(files fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(b), b)
		return err
	})
	return "schema_" + hex.EncodeToString(h.Sum(nil))[:16], err
}

func (s *server) dsn(database string) string {
	return strings.Replace(s.cluster.DSN(), "dbname='pgtest'", "dbname='"+database+"'", 1)
}

func (s *server) create(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.made.Add(1))
	if _, err := s.admin.Exec(`CREATE DATABASE ` + name + ` TEMPLATE ` + template); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if _, err := s.admin.Exec(`DROP DATABASE ` + name + ` WITH (FORCE)`); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return s.dsn(name)
}
