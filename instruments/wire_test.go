package instruments_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/instruments/astm"
	"natlims/instruments/hl7"
	"natlims/lims/pcr"
)

// wireCases are the messages of testdata/DRIVER/CASE.astm and .hl7, one record or segment a line.
func wireCases(t testing.TB) []string {
	t.Helper()
	a, err := filepath.Glob("testdata/*/*.astm")
	require.NoError(t, err)
	h, err := filepath.Glob("testdata/*/*.hl7")
	require.NoError(t, err)
	require.NotEmpty(t, a)
	require.NotEmpty(t, h)
	return append(a, h...)
}

// TestWireMessages reads every message by content and compares it with its .want file; every wire driver has one.
func TestWireMessages(t *testing.T) {
	t.Parallel()
	drivers := map[string]bool{}
	for _, file := range wireCases(t) {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		d, err := instruments.Detect(&instruments.File{Raw: raw})
		require.NoError(t, err, file)
		require.Equal(t, filepath.Base(filepath.Dir(file)), d.Name, file)
		drivers[d.Name] = true
		runs, err := instruments.Decode(&instruments.File{Raw: raw}, "")
		got := told(runs, err)
		if *update {
			require.NoError(t, os.WriteFile(file+".want", []byte(got), 0o600))
		}
		want, err := os.ReadFile(file + ".want")
		require.NoError(t, err)
		require.Equal(t, string(want), got, file)
		sound(t, file, runs)
	}
	for _, d := range instruments.All() {
		if d.Wire != instruments.WireFile {
			require.True(t, drivers[d.Name], "%s has no testdata", d.Name)
		}
	}
}

// dressed are the ways in which the same message comes from a wire or a capture of one.
func dressed(file string, text []byte) map[string][]byte {
	text = bytes.ReplaceAll(text, []byte("\n"), []byte("\r"))
	all := map[string][]byte{
		"CR":   text,
		"CRLF": bytes.ReplaceAll(text, []byte("\r"), []byte("\r\n")),
		"BOM":  append([]byte("\xef\xbb\xbf"), text...),
	}
	frames := func(o astm.SendOptions, tail func([]byte) []byte) []byte {
		out := []byte{astm.ENQ, 0, astm.EOT, astm.ENQ}
		for _, f := range astm.Frames(text, o) {
			if tail != nil {
				f = tail(f)
			}
			out = append(append(out, f...), astm.ACK)
		}
		return append(out, astm.EOT)
	}
	all["frames of 240"] = frames(astm.SendOptions{}, nil)
	all["one frame"] = frames(astm.SendOptions{FrameText: 1 << 20}, nil)
	all["no checksum"] = frames(astm.SendOptions{NoChecksum: true}, nil)
	all["CR after the checksum"] = frames(astm.SendOptions{FrameText: 9}, func(f []byte) []byte { return f[:len(f)-1] })
	all["nothing after the checksum"] = frames(astm.SendOptions{}, func(f []byte) []byte { return f[:len(f)-2] })
	if strings.HasSuffix(file, ".hl7") {
		var blocks, lean []byte
		for _, m := range hl7.Split(string(text)) {
			blocks = append(blocks, hl7.Frame([]byte(m))...)
			lean = append(append(lean, m...), hl7.FS)
		}
		all["MLLP"], all["MLLP without VT and CR"] = blocks, lean
	} else {
		all["one record a frame"] = frames(astm.SendOptions{OneRecord: true}, nil)
		all["each frame twice"] = frames(astm.SendOptions{FrameText: 50}, func(f []byte) []byte { return append(bytes.Clone(f), f...) })
	}
	return all
}

// TestWireDress: however a message comes, the readings are the same.
func TestWireDress(t *testing.T) {
	t.Parallel()
	for _, file := range wireCases(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if bytes.Contains(text, []byte("<STX>")) {
			text = astm.Unframe(text).Text
		}
		want := readings(instruments.Decode(&instruments.File{Raw: text}, ""))
		for name, raw := range dressed(file, text) {
			require.Equal(t, want, readings(instruments.Decode(&instruments.File{Raw: raw}, "")), "%s: %s", file, name)
		}
	}
}

// readings is what told says without the notes, which name what was wrong with the frames.
func readings(runs []pcr.Run, err error) string {
	for i := range runs {
		runs[i].Notes = nil
	}
	return told(runs, err)
}

// TestWireEncodings: the same text in the code pages of instruments.
func TestWireEncodings(t *testing.T) {
	t.Parallel()
	msg := func(name string) string {
		return "H|\\^&|||X^1\rO|1|S1||^^^T\rR|1|^^^T|" + name + "|||||F\rL|1|N\r"
	}
	for in, want := range map[string]string{
		msg("NON D\xc9TECT\xc9"): "NON DÉTECTÉ",
		msg("\xd1\xf4\xd0\xd4"):  "阳性",
		msg("阳性"):                "阳性",
	} {
		runs, err := instruments.Decode(&instruments.File{Raw: []byte(in)}, "")
		require.NoError(t, err)
		require.Equal(t, want, runs[0].Readings[0].Value)
	}
}

// TestDamagedCapture: a capture cannot be sent again, so what is damaged is kept and remarked upon.
func TestDamagedCapture(t *testing.T) {
	t.Parallel()
	f := astm.Frames([]byte("H|\\^&|||X^1\rO|1|S1||^^^T\rR|1|^^^T^Ct|27.5\rL|1|N\r"), astm.SendOptions{OneRecord: true})
	f[2][12] ^= 1
	runs, err := instruments.Decode(&instruments.File{Raw: bytes.Join(f[:3], nil)}, "")
	require.NoError(t, err)
	require.Contains(t, told(runs, nil), "frame.checksum")
	require.Contains(t, told(runs, nil), "message.unended")
}

// TestWireLimits: what is small on the wire and large in memory is refused before it is read.
func TestWireLimits(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"H|\\^&\r" + strings.Repeat("R\r", instruments.MaxReadings),
		strings.Repeat("H|\\^&\rO\rR\r", instruments.MaxMessages+2),
		strings.Repeat("MSH|^~\\&|A\r", instruments.MaxMessages+1),
		"MSH|^~\\&|A||||1||ORU^R01|1|P|2.5\r" + strings.Repeat("OBX\r", instruments.MaxReadings+1),
	} {
		_, err := instruments.Decode(&instruments.File{Raw: []byte(raw)}, "")
		require.ErrorContains(t, err, instruments.CodeTooLarge)
	}
}

func TestNotAWire(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "H", "Hello, world", "H,1,2,3,4\n", "PK\x03\x04\x02\x01HPORCQ|", "Well,Cq\nA1,20\n", "\x02", "\x02\x03", "MSH", "MSHELL|1|2|3"} {
		d, err := instruments.Detect(&instruments.File{Raw: []byte(raw)})
		require.True(t, err != nil || d.Wire == instruments.WireFile, "%q is %s", raw, d.Name)
	}
	for _, name := range []string{"astm", "hl7", "genexpert-astm", "cobas-hl7"} {
		_, err := instruments.Decode(&instruments.File{Raw: []byte("Well,Cq\nA1,20\n")}, name)
		require.Error(t, err)
	}
}

// FuzzWire asks all wire drivers to read any bytes.
func FuzzWire(f *testing.F) {
	for _, file := range wireCases(f) {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(raw)
		for _, d := range dressed(file, raw) {
			f.Add(d)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 64<<10 {
			return
		}
		file := &instruments.File{Raw: raw}
		for _, d := range instruments.All() {
			if d.Wire == instruments.WireFile {
				continue
			}
			runs, err := d.Decode(file)
			require.True(t, err != nil || len(runs) > 0)
			n := 0
			for _, run := range runs {
				n += len(run.Readings)
			}
			require.LessOrEqual(t, n, len(raw))
			sound(t, "fuzz", runs)
		}
	})
}
