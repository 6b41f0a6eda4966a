package localdb

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMajorOf(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 18beta1":                          18,
		"postgres (PostgreSQL) 14":                               14,
		"postgres (PostgreSQL) 9.6.24":                           9,
		"postgres (PostgreSQL) devel":                            0,
		"busybox":                                                0,
	} {
		got, _ := majorOf(version)
		require.Equal(t, want, got, version)
	}
}

// programs writes stand-ins that answer only --version.
func programs(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	script := []byte("#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n")
	for _, name := range []string{"initdb", "postgres"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), script, 0o755))
	}
	return dir
}

func TestFindBinByEnvironment(t *testing.T) {
	dir := programs(t, "17.2")
	t.Setenv("LIMS_PG_BIN", dir)
	got, major, err := FindBin()
	require.NoError(t, err)
	require.Equal(t, dir, got)
	require.Equal(t, 17, major)

	t.Setenv("LIMS_PG_BIN", programs(t, "13.9"))
	_, _, err = FindBin()
	require.ErrorIs(t, err, ErrNoBinaries)
	require.ErrorContains(t, err, "version 14 or newer")

	t.Setenv("LIMS_PG_BIN", t.TempDir())
	_, _, err = FindBin()
	require.ErrorIs(t, err, ErrNoBinaries)
	require.ErrorContains(t, err, "LIMS_PG_BIN")
}

func TestFindBinInPath(t *testing.T) {
	saved := binDirs
	binDirs = nil
	t.Cleanup(func() { binDirs = saved })
	t.Setenv("LIMS_PG_BIN", "")

	t.Setenv("PATH", t.TempDir())
	_, _, err := FindBin()
	require.ErrorIs(t, err, ErrNoBinaries)
	require.ErrorContains(t, err, "apt-get install postgresql")
	require.ErrorContains(t, err, "--dsn")

	dir := programs(t, "16.4") + string(os.PathListSeparator) + "/bin"
	t.Setenv("PATH", dir)
	_, major, err := FindBin()
	require.NoError(t, err)
	require.Equal(t, 16, major)
}

func TestNewestOrMatching(t *testing.T) {
	saved := binDirs
	binDirs = []string{programs(t, "16.1"), programs(t, "14.3"), programs(t, "18.0")}
	t.Cleanup(func() { binDirs = saved })
	t.Setenv("LIMS_PG_BIN", "")
	t.Setenv("PATH", "/bin")
	for have, want := range map[int]int{0: 18, 14: 14, 16: 16, 17: 18} {
		b, err := findFor(have)
		require.NoError(t, err)
		require.Equal(t, want, b.major, "data of version %d", have)
	}
}

func TestDSN(t *testing.T) {
	t.Parallel()
	require.Equal(t, `host='/a b/it\'s\\' user=lims dbname='li\'ms' sslmode=disable`, dsn(`/a b/it's\`, "li'ms"))
}

func TestDefaultDir(t *testing.T) {
	require.True(t, filepath.IsAbs(DefaultDir()))
	if os.Geteuid() == 0 {
		require.Equal(t, "/var/lib/lims", DefaultDir())
		return
	}
	t.Setenv("XDG_DATA_HOME", "/somewhere")
	require.Equal(t, "/somewhere/lims", DefaultDir())
}
