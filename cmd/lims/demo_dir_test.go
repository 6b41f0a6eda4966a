//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSweepDemos(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	old, young := now.Add(-25*time.Hour), now.Add(-23*time.Hour)
	put := func(name string, at time.Time) string {
		dir := filepath.Join(base, name)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "data"), 0o700))
		lock := filepath.Join(dir, "supervisor.lock")
		require.NoError(t, os.WriteFile(lock, []byte("1\n"), 0o600))
		require.NoError(t, os.Chtimes(lock, at, at))
		return dir
	}
	gone := put("20260509-105900-41", old)
	stay := []string{
		put("20260509-130000-42", young), // not a day old
		put("20260509-100000-43", young), // a person went on with it since
		put("my notes", old),
		put("20260509-100000-44x", old),
		put("20261399-999999-45", old), // no date
	}
	held := put("20260509-100000-46", old)
	f, err := os.OpenFile(filepath.Join(held, "supervisor.lock"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))

	strange := filepath.Join(base, "20260509-100000-47") // named like ours, but no cluster was ever there
	require.NoError(t, os.MkdirAll(strange, 0o700))
	outside := filepath.Join(t.TempDir(), "precious")
	require.NoError(t, os.MkdirAll(outside, 0o700))
	link := filepath.Join(base, "20260509-100000-48")
	require.NoError(t, os.Symlink(outside, link))

	require.Equal(t, []string{gone}, sweepDemos(base, now))
	require.NoDirExists(t, gone)
	for _, dir := range append(stay, held, strange, outside) {
		require.DirExists(t, dir)
	}
	_, err = os.Readlink(link)
	require.NoError(t, err)
	require.Empty(t, sweepDemos(filepath.Join(base, "none"), now))
}

func TestDemoSpeed(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]float64{"max": 0, "1": 1, "60": 60, "3000": 3000, "1e5": 100_000} {
		got, err := (&demoCmd{Speed: in}).speed()
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{"", "0", "0.5", "-1", "NaN", "Inf", "100001", "fast", "60x"} {
		_, err := (&demoCmd{Speed: in}).speed()
		require.Error(t, err, in)
	}
}
