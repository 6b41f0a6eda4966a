// Package sheettest writes small workbooks and archives for tests of readers, as net/http/httptest does for handlers.
//
// It is no writer for people: it knows no styles and panics where a test asks for what it cannot write. What it writes is
// kept apart from the readers on purpose: it shares no code with them, only the standards (ECMA-376, MS-CFB, MS-XLS).
package sheettest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
)

// Sheet is a sheet with its rows. A nil row is left out, and so is an empty cell.
type Sheet struct {
	Name string
	Rows [][]string
}

// Entry is one file of an archive.
type Entry struct{ Name, Body string }

// Zip writes an archive of deflated entries.
func Zip(entries ...Entry) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.Create(e.Name)
		must(err)
		_, err = f.Write([]byte(e.Body))
		must(err)
	}
	must(w.Close())
	return b.Bytes()
}

// Files reads entries from a text: a line "-- NAME --" begins an entry, what stands before the first one is a remark.
func Files(text string) []Entry {
	var entries []Entry
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "-- "); ok && strings.HasSuffix(name, " --") {
			entries = append(entries, Entry{Name: strings.TrimSuffix(name, " --")})
		} else if len(entries) > 0 {
			entries[len(entries)-1].Body += line
		}
	}
	return entries
}

// Text reads sheets from a text: a line "== NAME" begins a sheet, each further line is a row of cells between tabs. An empty
// line is an empty row.
func Text(text string) []Sheet {
	var sheets []Sheet
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if name, ok := strings.CutPrefix(line, "== "); ok {
			sheets = append(sheets, Sheet{Name: name})
			continue
		}
		if len(sheets) == 0 {
			panic("sheettest: a row before the first sheet")
		}
		s := &sheets[len(sheets)-1]
		var row []string
		if line != "" {
			row = strings.Split(line, "\t")
		}
		s.Rows = append(s.Rows, row)
	}
	return sheets
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("sheettest: %v", err))
	}
}
