package link

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func nowForTest() time.Time { return time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC) }

// box is a watched folder that is looked at when the test says so.
type box struct {
	*watch
	t   *testing.T
	dir string
}

func newBox(t *testing.T, k *tray, s Settings) box {
	t.Helper()
	dir := t.TempDir()
	e := lone(Line{Name: "box", Kind: Folder, Address: dir, Protocol: File, Settings: s}, Options{Keep: k.keep})
	e.o.Now = nowForTest
	return box{&watch{end: e, ctx: t.Context(), seen: map[string]look{}, taken: map[string]look{}, waits: map[string]wait{}}, t, dir}
}

func (b box) look() {
	b.t.Helper()
	require.NoError(b.t, b.poll())
}

func (b box) write(name, text string) {
	b.t.Helper()
	require.NoError(b.t, os.MkdirAll(filepath.Dir(filepath.Join(b.dir, name)), 0o755))
	require.NoError(b.t, os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o644))
}

func (b box) has(name string) bool {
	_, err := os.Lstat(filepath.Join(b.dir, name))
	return err == nil
}

func TestFileIsTakenAfterTwoEqualLooks(t *testing.T) {
	t.Parallel()
	k := &tray{}
	b := newBox(t, k, Settings{})
	b.write("run1.txt", "half ")
	b.look()
	require.Empty(t, k.texts())
	b.write("run1.txt", "half and half") // grew between two looks
	b.look()
	require.Empty(t, k.texts())
	b.look()
	require.Equal(t, []string{"half and half"}, k.texts())
	require.True(t, b.has("done/2026-11-21/run1.txt"))
	require.False(t, b.has("run1.txt"))
	a := k.all[0]
	require.Equal(t, []any{"run1.txt", "file", "box", true}, []any{a.Name, a.Wire, a.Source, a.Complete})

	b.write("run1.txt", "half and half") // the same file once more: the store's answer tells
	b.look()
	b.look()
	require.Equal(t, 1, k.repeated)
	require.True(t, b.has("done/2026-11-21/run1.txt~2"))
	require.Equal(t, int64(1), b.health.snapshot().Repeated)
}

// A file whose writer pauses waits; it is taken whole when it has grown, or kept as broken off when it has not for too long. If it grows
// even then, the whole of it is kept as well.
func TestFileWhoseWriterPauses(t *testing.T) {
	t.Parallel()
	k := &tray{}
	b := newBox(t, k, Settings{Wait: Span(time.Minute)})
	now := nowForTest()
	b.o.Wall = func() time.Time { return now }
	b.o.Whole = func(_ string, raw []byte) error {
		if !strings.HasSuffix(string(raw), "end") {
			return errors.New("no end")
		}
		return nil
	}
	b.write("slow.csv", "half")
	b.write("never.csv", "part")
	for range 5 {
		b.look()
	}
	require.Empty(t, k.texts())
	require.Equal(t, []string{"never.csv", "slow.csv"}, b.health.snapshot().Waiting)
	b.write("slow.csv", "half and the end")
	b.look()
	b.look()
	require.Equal(t, []string{"half and the end"}, k.texts())
	require.True(t, b.has("done/2026-11-21/slow.csv"))
	now = now.Add(2 * time.Minute)
	b.look()
	b.look()
	require.Equal(t, []string{"half and the end", "part"}, k.texts())
	require.False(t, k.all[1].Complete)
	h := b.health.snapshot()
	require.Empty(t, h.Waiting)
	require.Equal(t, reasonPartial, h.ErrorCode)
	require.Equal(t, int64(1), h.Faults["file.incomplete"])
	require.True(t, b.has("never.csv"), "its writer may come back")
	b.write("never.csv", "part and its end")
	b.look()
	b.look()
	require.Equal(t, "part and its end", k.texts()[2])
	require.True(t, k.all[2].Complete)
}

func TestFileThatChangesWhileItIsTaken(t *testing.T) {
	t.Parallel()
	k := &tray{}
	b := newBox(t, k, Settings{})
	b.write("run.csv", "one")
	b.look()
	keep := b.o.Keep
	b.o.Keep = func(ctx context.Context, a Arrival) error {
		if string(a.Bytes) == "one" {
			b.write("run.csv", "one and two")
		}
		return keep(ctx, a)
	}
	b.look()
	require.True(t, b.has("run.csv"), "it grew: put back and taken again whole")
	b.look()
	b.look()
	require.Equal(t, []string{"one", "one and two"}, k.texts())
	require.True(t, b.has("done/2026-11-21/run.csv"))
}

func TestFileStaysUntilItIsStored(t *testing.T) {
	t.Parallel()
	k := &tray{fail: []error{errors.New("no database"), errors.New("no database")}}
	b := newBox(t, k, Settings{})
	b.write("a.txt", "x")
	b.look()
	b.look()
	b.look()
	require.True(t, b.has("a.txt"))
	require.Equal(t, "the file a.txt was not taken: no database", b.health.snapshot().LastError)
	b.look()
	require.Equal(t, []string{"x"}, k.texts())
	require.False(t, b.has("a.txt"))
}

func TestRefusedAndTooLargeArePutAside(t *testing.T) {
	t.Parallel()
	k := &tray{fail: []error{ErrRefused}}
	b := newBox(t, k, Settings{Max: 5})
	b.write("a.txt", "x")
	b.look()
	b.look()
	require.True(t, b.has("failed/2026-11-21/a.txt"))
	b.write("b.txt", "123456")
	b.look()
	b.look()
	require.True(t, b.has("failed/2026-11-21/b.txt"))
	require.Empty(t, k.texts())
	require.Equal(t, int64(1), b.health.snapshot().Faults["file.too_large"])
}

func TestWhatIsNotTaken(t *testing.T) {
	t.Parallel()
	k := &tray{}
	outside := filepath.Join(t.TempDir(), "secret.txt")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	b := newBox(t, k, Settings{Glob: "*.TXT"})
	for _, name := range []string{".hidden.txt", "~$run.txt", "run.txt.part", "run.tmp", "run.csv", "sub/run.txt", "done/old.txt"} {
		b.write(name, "x")
	}
	b.write("empty.txt", "")
	require.NoError(t, os.Symlink(outside, filepath.Join(b.dir, "link.txt")))
	require.NoError(t, os.Symlink(filepath.Dir(outside), filepath.Join(b.dir, "linked")))
	b.look()
	b.look()
	b.look()
	require.Empty(t, k.texts())
	b.write("Run.txt", "taken")
	b.look()
	b.look()
	require.Equal(t, []string{"taken"}, k.texts())
}

func TestNestedAndLeft(t *testing.T) {
	t.Parallel()
	k := &tray{}
	b := newBox(t, k, Settings{Nested: true, Leave: true})
	b.write("2026/run.txt", "x")
	b.write("2026/deep/run.txt", "too deep")
	for range 4 {
		b.look()
	}
	require.Equal(t, []string{"x"}, k.texts())
	require.Zero(t, k.repeated, "kept once though it lies there")
	require.True(t, b.has("2026/run.txt"))
	b.write("2026/run.txt", "edited")
	b.look()
	b.look()
	require.Equal(t, []string{"x", "edited"}, k.texts())
}

// A folder where DONE cannot be made: done is a file.
func TestFileThatCannotBeMovedIsKeptOnce(t *testing.T) {
	t.Parallel()
	k := &tray{}
	b := newBox(t, k, Settings{Glob: "*.txt"})
	b.write("done", "in the way")
	b.write("a.txt", "x")
	for range 4 {
		b.look()
	}
	require.Equal(t, []string{"x"}, k.texts())
	require.Zero(t, k.repeated)
	require.Equal(t, int64(1), b.health.snapshot().Faults["file.unmovable"])
}

func TestFolderThatComesLater(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "share")
	k := &tray{}
	ls := lines(t, Options{Keep: k.keep})
	require.NoError(t, ls.Set([]Line{{Name: "share", Kind: Folder, Address: dir, Protocol: File, Settings: Settings{Every: Span(5 * time.Millisecond)}}}))
	eventually(t, func() bool { return ls.Health()[0].LastError != "" })
	require.Equal(t, Opening, ls.Health()[0].State)
	require.NoDirExists(t, dir)
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), []byte("x"), 0o644))
	eventually(t, func() bool { return len(k.texts()) == 1 })
	require.Equal(t, Up, ls.Health()[0].State)
}

func TestSettingsAreReadFromRows(t *testing.T) {
	t.Parallel()
	var s Settings
	require.NoError(t, json.Unmarshal([]byte(`{"baud":19200,"frame":"7E1","idle":"10m","every":"500ms"}`), &s))
	require.Equal(t, Settings{Baud: 19200, Frame: "7E1", Idle: Span(10 * time.Minute), Every: Span(500 * time.Millisecond)}, s)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"idle":10}`), &s), "90s")
	require.ErrorContains(t, json.Unmarshal([]byte(`{"idle":"soon"}`), &s), `"soon"`)
	b, err := json.Marshal(Settings{Idle: Span(time.Minute)})
	require.NoError(t, err)
	require.JSONEq(t, `{"idle":"1m0s"}`, string(b))
}
