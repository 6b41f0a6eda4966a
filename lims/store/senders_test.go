package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTraits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"H|\\^&|||Gene Xpert^4.8|||||LIS\rL|1\r":                        "Gene Xpert",
		"MSH|^~\\&|cobas^6800|||x|20260101||ORU^R01|1|P|2.5.1\rPID|1\r": "cobas",
		"Well,Cq\nA1,30\n": "",
		"H":                "",
		"MSH":              "",
		"":                 "",
	} {
		got := traits("hall", "10.0.0.9:51234", []byte(text))
		require.Equal(t, Traits{Name: want, Address: "10.0.0.9", Port: "hall"}, got, "%q", text)
	}
	require.Equal(t, "/dev/ttyUSB0", traits("port", "/dev/ttyUSB0", nil).Address)
	require.Equal(t, "::1", traits("port", "[::1]:4001", nil).Address)
}
