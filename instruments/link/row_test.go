package link_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
)

func TestWith(t *testing.T) {
	t.Parallel()
	l := link.Line{Name: "GX", Kind: link.Serial, Address: "/dev/ttyUSB0", Protocol: link.ASTM}
	for text, want := range map[string]string{
		"":                                    "",
		"{}":                                  "",
		`{"baud": 19200, "mode": "tube"}`:     "",
		`{"baud": "fast"}`:                    "cannot unmarshal",
		`{"idle": "soon"}`:                    `duration "soon"`,
		`[]`:                                  "cannot unmarshal",
		`{"baud": 19200, "pause": "1m30s"} x`: "invalid character",
	} {
		_, err := l.With([]byte(text))
		if want == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, want, text)
		}
	}
	got, err := l.With([]byte(`{"baud": 19200, "pause": "1m30s"}`))
	require.NoError(t, err)
	require.Equal(t, 19200, got.Settings.Baud)
	require.Equal(t, link.Span(90*time.Second), got.Settings.Pause)
	require.Zero(t, l.Settings, "the line itself is not touched")
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	require.Contains(t, link.Words(), "baud")
	require.Contains(t, link.Words(), "nested")
	require.Equal(t, []string{"buad", "kit"}, link.Strangers([]byte(`{"buad": 1, "glob": "*", "kit": "x", "mode": "tube"}`), []string{"mode"}))
	require.Empty(t, link.Strangers([]byte(`{"buad"`), nil))
}
