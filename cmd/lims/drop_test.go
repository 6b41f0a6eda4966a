package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDrop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, drop(dir, "P-1.txt", []byte("one")))
	require.NoError(t, drop(dir, "P-1.txt", []byte("two")), "again, after the layout changed")
	b, err := os.ReadFile(filepath.Join(dir, "P-1.txt"))
	require.NoError(t, err)
	require.Equal(t, "two", string(b))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "no half-written file is left")
	for _, name := range []string{"", ".", "..", "../x", "a/b"} {
		require.Error(t, drop(dir, name, nil), name)
	}
	require.ErrorContains(t, drop(filepath.Join(dir, "share"), "x", nil), "expected a folder")
	_, err = os.Stat(filepath.Join(dir, "share"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
