package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Folders are polled: notifications lose events when many files come and do not exist on network shares; a look at 20,000 files takes 40 ms.
const (
	folderEvery = 2 * time.Second
	folderWait  = 10 * time.Minute
	folderMax   = 64 << 20 // bytes of a file; instruments.MaxContent
	// Done and Failed are made inside the watched folder, with a folder for each day.
	Done   = "done"
	Failed = "failed"
)

// unfinished are the names of files that their writers have not finished.
var unfinished = []string{".part", ".tmp", ".filepart", ".crdownload", ".partial"}

// look is what a file looked like.
type look struct {
	size int64
	mod  time.Time
}

// watch is one folder. Every access goes through os.Root, so that no name and no link leads out of it.
type watch struct {
	*end
	ctx   context.Context
	root  *os.Root
	seen  map[string]look // at the last look
	taken map[string]look // kept and still lying there
	waits map[string]wait // not whole yet
}

// wait is a file that does not look whole, and since when it has looked the same.
type wait struct {
	look  look
	since time.Time
}

type drop struct {
	name string // slash-separated, below the folder
	look look
}

func (ls *Lines) folder(ctx context.Context, e *end) {
	w := &watch{end: e, ctx: ctx, seen: map[string]look{}, taken: map[string]look{}, waits: map[string]wait{}}
	for {
		if err := w.poll(); err != nil && ctx.Err() == nil {
			e.health.state(Opening)
			e.health.failed(err)
		} else if err == nil && e.health.snapshot().State != Up {
			e.health.state(Up)
		}
		if sleep(ctx, e.Settings.Every.or(folderEvery)) != nil {
			return
		}
	}
}

// poll takes every file that looks the same as at the last poll. The folder is opened each time, because a share may come and go; it is
// never made, because an unmounted share would get a folder in its place.
func (w *watch) poll() (err error) {
	if w.root, err = os.OpenRoot(w.Address); err != nil {
		return err
	}
	defer w.root.Close()
	drops, err := w.list()
	if err != nil {
		return err
	}
	now := make(map[string]look, len(drops))
	for _, d := range drops {
		now[d.name] = d.look
	}
	for name := range w.taken {
		if _, there := now[name]; !there {
			delete(w.taken, name)
		}
	}
	for name := range w.waits {
		if _, there := now[name]; !there {
			delete(w.waits, name)
		}
	}
	before := w.seen
	w.seen = now
	defer w.tell()
	for _, d := range drops {
		if w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		if d.look.size == 0 || before[d.name] != d.look || w.taken[d.name] == d.look || w.held(d) {
			continue
		}
		if err := w.take(d); err != nil {
			w.health.failed(because(reasonFile, err, "file", d.name))
			w.log.Warn("a file was not taken", "file", d.name, "error", err)
		}
	}
	return nil
}

// held says that a file that is not whole still has time to grow.
func (w *watch) held(d drop) bool {
	h, ok := w.waits[d.name]
	return ok && h.look == d.look && w.o.Wall().Sub(h.since) < w.Settings.Wait.or(folderWait)
}

// waitingMost bounds the names that Health tells.
const waitingMost = 20

// tell names the files that are not whole.
func (w *watch) tell() {
	names := slices.Sorted(maps.Keys(w.waits))
	w.health.change(func(h *Health) { h.Waiting = names[:min(len(names), waitingMost)] })
}

// partial deals with a file that does not look whole: it waits for its writer. When it has not grown for too long it is kept as broken off
// and stays where it is; if it grows after all it is taken again, and what is then kept takes the place of this.
func (w *watch) partial(d drop, b []byte, why error) error {
	if h, ok := w.waits[d.name]; !ok || h.look != d.look {
		w.log.Info("a file is not whole yet", "file", d.name, "why", why)
		w.waits[d.name] = wait{d.look, w.o.Wall()}
		return nil
	}
	err := w.keep(w.ctx, Arrival{Wire: File, Peer: w.Address, Name: d.name, Bytes: b, Code: "file.incomplete"})
	if err != nil && !errors.Is(err, ErrRefused) {
		return err
	}
	w.taken[d.name] = d.look
	delete(w.waits, d.name)
	w.health.fault("file.incomplete")
	w.health.failed(because(reasonPartial, why, "file", d.name))
	return nil
}

// list gives the files in the order in which they were written.
func (w *watch) list() ([]drop, error) {
	var drops []drop
	dirs := []string{"."}
	for i := 0; i < len(dirs); i++ {
		entries, err := fs.ReadDir(w.root.FS(), dirs[i])
		if err != nil {
			return nil, err
		}
		for _, en := range entries {
			name := path.Join(dirs[i], en.Name())
			if en.IsDir() {
				if i == 0 && w.Settings.Nested && en.Name() != Done && en.Name() != Failed && en.Name()[0] != '.' {
					dirs = append(dirs, name)
				}
				continue
			}
			if !en.Type().IsRegular() || !w.wanted(en.Name()) { // no links, no pipes
				continue
			}
			fi, err := en.Info()
			if err != nil { // gone meanwhile
				continue
			}
			drops = append(drops, drop{name, look{fi.Size(), fi.ModTime()}})
		}
	}
	slices.SortStableFunc(drops, func(a, b drop) int { return a.look.mod.Compare(b.look.mod) })
	return drops, nil
}

func (w *watch) wanted(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~$") {
		return false
	}
	lower := strings.ToLower(name)
	for _, end := range unfinished {
		if strings.HasSuffix(lower, end) {
			return false
		}
	}
	if w.Settings.Glob == "" {
		return true
	}
	ok, _ := path.Match(strings.ToLower(w.Settings.Glob), lower) // the pattern was checked
	return ok
}

// take keeps a file and puts it aside. A file that cannot be stored now stays and is tried at the next look.
func (w *watch) take(d drop) error {
	b, err := w.read(d)
	if errors.Is(err, errTooLarge) {
		w.health.fault("file.too_large")
		return errors.Join(err, w.aside(Failed, d))
	}
	if err != nil {
		return err
	}
	if b == nil { // still being written
		return nil
	}
	if w.o.Whole != nil {
		if why := w.o.Whole(d.name, b); why != nil {
			return w.partial(d, b, why)
		}
	}
	delete(w.waits, d.name)
	w.health.bytes(len(b))
	err = w.keep(w.ctx, Arrival{Wire: File, Peer: w.Address, Name: d.name, Bytes: b, Complete: true})
	if errors.Is(err, ErrRefused) {
		return errors.Join(err, w.aside(Failed, d))
	}
	if err != nil {
		return err
	}
	if w.Settings.Leave {
		w.taken[d.name] = d.look
		return nil
	}
	return w.aside(Done, d)
}

var errTooLarge = errors.New("file too large")

// read gives nil where the file changed since the look: somebody is still writing.
func (w *watch) read(d drop) ([]byte, error) {
	limit := int64(w.Settings.Max)
	if limit <= 0 {
		limit = folderMax
	}
	if d.look.size > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are taken", errTooLarge, d.look.size, limit)
	}
	f, err := w.root.Open(d.name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, d.look.size+1))
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if (look{fi.Size(), fi.ModTime()}) != d.look || int64(len(b)) != d.look.size {
		return nil, nil
	}
	return b, nil
}

// aside moves a file to DIR/2026-11-21/NAME, or NAME~2 where that is taken. Where it cannot be moved (a read-only share) it is remembered
// instead, so that it is not kept at every look. A file that grew while it was being moved goes back and is taken again whole.
func (w *watch) aside(dir string, d drop) error {
	day := path.Join(dir, w.o.Now().Format(time.DateOnly))
	to, err := w.free(day, path.Base(d.name))
	if err == nil {
		err = w.root.Rename(d.name, to)
	}
	if err != nil {
		w.taken[d.name] = d.look
		w.health.fault("file.unmovable")
		return fmt.Errorf("stays where it is: %w", err)
	}
	fi, err := w.root.Stat(to)
	if err == nil && (look{fi.Size(), fi.ModTime()}) != d.look {
		if _, err := w.root.Lstat(d.name); errors.Is(err, fs.ErrNotExist) {
			return w.root.Rename(to, d.name)
		}
	}
	return nil
}

func (w *watch) free(day, name string) (string, error) {
	if err := w.root.MkdirAll(day, 0o755); err != nil {
		return "", err
	}
	for i := 1; i < 10_000; i++ {
		to := path.Join(day, name)
		if i > 1 {
			to = fmt.Sprintf("%s~%d", to, i)
		}
		if _, err := w.root.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return to, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s holds 10,000 files named %q", day, name)
}
