package instruments_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
)

// TestRegistry ties the drivers to testdata both ways and holds their names.
func TestRegistry(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, d := range instruments.All() {
		require.Regexp(t, regexp.MustCompile(`^[a-z][a-z0-9-]+$`), d.Name)
		require.False(t, seen[d.Name], "%s is registered twice", d.Name)
		seen[d.Name] = true
		require.NotEmpty(t, d.Title, d.Name)
		require.NotNil(t, d.Sniff, d.Name)
		require.NotNil(t, d.Decode, d.Name)
		require.Contains(t, []instruments.Wire{instruments.WireFile, instruments.WireASTM, instruments.WireHL7}, d.Wire, d.Name)
		found, err := instruments.Find(d.Name)
		require.NoError(t, err)
		require.Equal(t, d.Title, found.Title)
		if d.Wire == instruments.WireFile {
			files, err := filepath.Glob("testdata/" + d.Name + "/*")
			require.NoError(t, err)
			require.NotEmpty(t, files, "%s has no testdata", d.Name)
		}
	}
	folders, err := os.ReadDir("testdata")
	require.NoError(t, err)
	for _, f := range folders {
		require.True(t, seen[f.Name()] || f.Name() == "fuzz", "testdata/%s belongs to no driver", f.Name())
	}
	_, err = instruments.Find("no-such-driver")
	require.ErrorContains(t, err, instruments.CodeUnknown)
}

// TestDetectRefuses says what it saw and why nobody reads it.
func TestDetectRefuses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"":                                instruments.CodeUnknown,
		"hello":                           instruments.CodeUnknown,
		"Position,TubeID\nA1,0123\n":      instruments.CodeUnknown,
		"\x7fELF\x00\x00\x01":             instruments.CodeEncoding,
		"Well,Ct Mean,Ct SD\nA1,28,0.1\n": instruments.CodeUnknown,
		"Time,1,2,3,4,5,6,7,8,9,10,11,12\n" + strings.Repeat("0.5,1.5,2.5,3.5,4.5,5.5,6.5,7.5,8.5,9.5,1.5,1.5,1.5\n", 32): instruments.CodeUnknown, // fluorescence is no Cq
		",1,2,3,4,5,6,7,8,9,10,11,12\n" + strings.Repeat(",1.5,2.5,3.5,4.5,5.5,6.5,7.5,8.5,9.5,1.5,1.5,1.5\n", 32):        instruments.CodeUnknown,
	} {
		_, err := instruments.Decode(&instruments.File{Raw: []byte(raw)}, "")
		require.ErrorContains(t, err, want, "%q", raw)
	}
	_, err := instruments.Decode(&instruments.File{Raw: make([]byte, instruments.MaxContent+1)}, "")
	require.ErrorContains(t, err, instruments.CodeTooLarge)
}

// TestFileIsShared reads one File in several goroutines, as a page and the line may do.
func TestFileIsShared(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/quantstudio-da1/sections.txt")
	require.NoError(t, err)
	f := &instruments.File{Raw: raw}
	got := make([]string, 4)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i] = told(instruments.Decode(f, "")) })
	}
	all.Wait()
	for _, g := range got {
		require.Equal(t, got[0], g)
		require.NotEmpty(t, g)
	}
}

// TestXMLRefuses holds that no document type, entity or endless nesting is read.
func TestXMLRefuses(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"b\">]><x><Row><Well>&a;</Well><Fluor>F</Fluor></Row></x>",
		"<x><Row><Well>A1</Well><Fluor>F</Fluor>",
		"<x><Row><Well><Fluor><a><b><c><d><e><f></f></e></d></c></b></a></Fluor></Well></Row></x>",
		"<?xml version=\"1.0\"?><!DOCTYPE p [<!ENTITY a \"b\">]><package><RealTime_PCR/><cell x=\"1\" y=\"1\"/></package>",
		"<package><RealTime_PCR><cell x=\"1\" y=\"1\">",
	} {
		_, err := instruments.Decode(&instruments.File{Raw: []byte(raw)}, "")
		require.ErrorContains(t, err, instruments.CodeDamaged, raw)
	}
}
