package send

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func folder(t *testing.T) (*Outbound, Destination, string) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "cdc", "in"), 0o750))
	return &Outbound{Folder: root}, Destination{ID: "7", Channel: "folder", Address: "cdc/in"}, filepath.Join(root, "cdc", "in")
}

func TestFolderWritesWhole(t *testing.T) {
	t.Parallel()
	o, d, path := folder(t)
	// An attempt that died left half a file.
	require.NoError(t, os.WriteFile(filepath.Join(path, "D-000417-R20201121-000417.json.part"), []byte("half a very long file that is longer"), 0o600))
	r, err := o.Send(t.Context(), d, parcel())
	require.NoError(t, err)
	require.Equal(t, Receipt{Accepted: true, Text: "D-000417-R20201121-000417.json"}, r)
	got, err := os.ReadFile(filepath.Join(path, r.Text))
	require.NoError(t, err)
	require.Equal(t, parcel().Bytes, got)

	r, err = o.Send(t.Context(), d, parcel())
	require.NoError(t, err)
	require.True(t, r.Accepted, "a repeat finds its file")

	changed := parcel()
	changed.Bytes = []byte("rendered again")
	_, err = o.Send(t.Context(), d, changed)
	require.NoError(t, err)
	files, err := os.ReadDir(path)
	require.NoError(t, err)
	require.Len(t, files, 1, "one delivery, one file, no .part")
	got, err = os.ReadFile(filepath.Join(path, files[0].Name()))
	require.NoError(t, err)
	require.Equal(t, "rendered again", string(got))
}

func TestFolderTakesAbsolutePathsBelowItsRoot(t *testing.T) {
	t.Parallel()
	o, d, path := folder(t)
	d.Address = path
	_, err := o.Send(t.Context(), d, parcel())
	require.NoError(t, err)
}

func TestFolderStaysBelowItsRoot(t *testing.T) {
	t.Parallel()
	o, d, _ := folder(t)
	outside := t.TempDir()
	for _, address := range []string{"..", "../" + filepath.Base(outside), "cdc/../../x", outside, "/", "/etc", "", "cdc\x00in"} {
		d.Address = address
		permanent(t, o.Check(d))
		_, err := o.Send(t.Context(), d, parcel())
		permanent(t, err)
	}
	require.NoError(t, os.Symlink(outside, filepath.Join(o.Folder, "link")))
	d.Address = "link"
	_, err := o.Send(t.Context(), d, parcel())
	require.Error(t, err)
	files, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, files)

	permanent(t, (&Outbound{}).Check(Destination{ID: "7", Channel: "folder", Address: "cdc"}))
}

func TestFolderNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"": "D1", "D1.pdf": "D1.pdf", "r.pdf": "D1-r.pdf", "../../r.pdf": "D1-.._.._r.pdf", ".hidden": "D1-.hidden",
		"a\\b:c\x00\n.pdf": "D1-a_b_c__.pdf", "报告.pdf": "D1-报告.pdf", "D12.pdf": "D1-D12.pdf", strings.Repeat("长", 90) + ".pdf": "D1-" + strings.Repeat("长", 32) + ".pdf"} {
		require.Equal(t, want, fileName(Parcel{ID: "D1", Name: name}))
	}
}

// A share that is not mounted, or a full disk, comes back; so does a server that is stopping.
func TestFolderMissingIsTriedAgain(t *testing.T) {
	t.Parallel()
	o, d, _ := folder(t)
	d.Address = "not/there"
	_, err := o.Send(t.Context(), d, parcel())
	retryable(t, err)

	d.Address = "cdc/in"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = o.Send(ctx, d, parcel())
	retryable(t, err)
}
