package instruments

import (
	"natlims/lims/pcr"
)

// found is a header row with the rows of its table. Every driver asks the same list of them, made once for a file.
type found struct {
	table *Table
	rows  []Row
	Header
}

// maxHeads bounds the header rows that are looked at. A sample may be called "Pos", so they are more than tables.
const maxHeads = 2000

// bulky are the parts that hold measurements and no results; they are read only where curves are wanted.
var bulky = set("rawdata", "multicomponentdata", "multicomponent", "amplificationdata", "meltcurverawdata", "meltcurvedata", "samplesetup", "quan.ampdata")

// heads are the rows of all tables that can be a header row: two cells or more and a word of a header among them.
func heads(f *File) []found {
	all, _ := tryHeads(f)
	return all
}

// tryHeads is heads with the error of the first table that could not be read.
func tryHeads(f *File) ([]found, error) {
	return view(f, "heads", func(f *File) ([]found, error) {
		tables, err := f.Tables()
		if err != nil {
			return nil, err
		}
		var all []found
		for _, t := range tables {
			if bulky[key(t.Name)] {
				continue
			}
			rows, err := t.Rows()
			if err != nil {
				return all, err
			}
			for i, r := range rows {
				if len(r.Cells) < 2 || !headRow(r) {
					continue
				}
				if len(all) == maxHeads {
					return all, &Error{Code: CodeTooLarge, Line: r.Line, Offset: -1, Want: atMost(maxHeads, "tables")}
				}
				all = append(all, found{t, rows, newHeader(i, r)})
			}
		}
		return all, nil
	})
}

// headRow says whether a row has a header word of the well among its cells. It is asked of every row, so it makes nothing.
func headRow(r Row) bool {
	for _, c := range r.Cells[:min(len(r.Cells), 64)] {
		if headWord(c) {
			return true
		}
	}
	return false
}

func headWord(c string) bool {
	if c == "" || len(c) > 40 {
		return false
	}
	if c[0] >= 0x80 || c[0] == ' ' || c[0] == '\t' {
		k := key(c)
		return wellWords[k] || otherHeads[k]
	}
	lengths := headLengths[lower(c[0])]
	if lengths == 0 {
		return false
	}
	var low [24]byte // the key, made where the map needs no copy of it
	n := 0
	for i := range len(c) {
		b := lower(c[i])
		switch {
		case b == ' ' || b == '_':
			continue
		case b >= 0x80 || n == len(low):
			return false
		}
		low[n] = b
		n++
	}
	return lengths&(1<<n) != 0 && (wellWords[string(low[:n])] || otherHeads[string(low[:n])])
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		b |= 0x20
	}
	return b
}

// headLengths is how long the header words are, a bit a length, by their first letter: nearly every cell of a table is told by it.
var headLengths = func() (t [256]uint32) {
	for _, words := range []map[string]bool{wellWords, otherHeads} {
		for w := range words {
			t[w[0]] |= 1 << len(w)
		}
	}
	return t
}()

var otherHeads = set("number", "ordernumber", "cycle", "samplepos", "#", "wellno", "general:pos", "siteid", "temperature")

// find is the first header row that satisfies is.
func find(f *File, is func(Header) bool) (found, bool) {
	for _, h := range heads(f) {
		if is(h.Header) {
			return h, true
		}
	}
	return found{}, false
}

// below are the rows under the header.
func (h found) below() []Row { return below(h.rows, h.Header) }

// above is the preamble over the header.
func (h found) above() preamble { return readPreamble(h.rows, h.Row) }

// run is one run of readings, refused where there are none.
func (h found) run(run pcr.Run, l long) ([]pcr.Run, error) {
	run.Readings, run.Notes = l.read(h.below())
	if len(run.Readings) == 0 {
		return nil, nothing("", h.Line, want(wantRows))
	}
	return []pcr.Run{run}, nil
}
