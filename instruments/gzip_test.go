package instruments

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func packed(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(raw)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestGzip(t *testing.T) {
	t.Parallel()
	all, err := filepath.Glob("testdata/cfx/*.csv")
	require.NoError(t, err)
	require.NotEmpty(t, all)
	raw, err := os.ReadFile(all[0])
	require.NoError(t, err)
	want, err := Decode(&File{Raw: raw}, "")
	require.NoError(t, err)
	got, err := Decode(&File{Raw: packed(t, raw)}, "")
	require.NoError(t, err)
	require.Equal(t, want, got)

	var e *Error
	_, err = Decode(&File{Raw: packed(t, raw)[:40]}, "")
	require.True(t, errors.As(err, &e))
	require.Equal(t, CodeDamaged, e.Code)
	_, err = Decode(&File{Raw: packed(t, make([]byte, MaxContent+2))}, "")
	require.True(t, errors.As(err, &e))
	require.Equal(t, CodeTooLarge, e.Code)
}
