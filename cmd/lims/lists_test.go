package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLists(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		print func(io.Writer, bool) error
		head  string
		key   string
		holds string // of which one line must be
	}{
		"drivers":  {printDrivers, "NAME", "name", ""},
		"kits":     {printKits, "KIT", "kit", "daan@"},
		"formats":  {printFormats, "NAME", "name", "pdf "},
		"channels": {printChannels, "NAME", "name", "webhook"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var table, array bytes.Buffer
			require.NoError(t, c.print(&table, false))
			require.NoError(t, c.print(&array, true))
			var lines []map[string]any
			require.NoError(t, json.Unmarshal(array.Bytes(), &lines))
			rows := strings.Split(strings.TrimSpace(table.String()), "\n")
			require.True(t, strings.HasPrefix(rows[0], c.head))
			require.Len(t, rows, len(lines)+1, "a row a line of JSON")
			require.NotEmpty(t, lines)
			for i, l := range lines {
				require.True(t, strings.HasPrefix(rows[i+1], l[c.key].(string)+" "), rows[i+1])
			}
			require.Contains(t, table.String(), "\n"+c.holds)
		})
	}
}
