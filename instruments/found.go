package instruments

import "natlims/lims/pcr"

// found is a header row with the rows of its table. Every driver asks the same list of them, made once for a file.
type found struct {
	table *Table
	rows  []Row
	Header
}

// maxHeads bounds the header rows that are looked at; depth is how far down a table they are looked for.
const (
	maxHeads = 400
	depth    = 20000
)

// bulky are the parts that hold measurements and no results; they are read only where curves are wanted.
var bulky = set("rawdata", "multicomponentdata", "multicomponent", "amplificationdata", "meltcurverawdata", "meltcurvedata", "samplesetup", "quan.ampdata")

// heads are the rows of all tables that can be a header row: two cells or more and a word of a header among them.
func heads(f *File) []found {
	all, _ := view(f, "heads", func(f *File) ([]found, error) {
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
			for i, r := range rows[:min(len(rows), depth)] {
				if len(all) < maxHeads && len(r.Cells) > 1 && headRow(r) {
					all = append(all, found{t, rows, newHeader(i, r)})
				}
			}
		}
		return all, nil
	})
	return all
}

// headRow says cheaply whether a row has a cell that may be a header word.
func headRow(r Row) bool {
	for _, c := range r.Cells {
		if len(c) > 1 && len(c) < 40 && mayHead(c) {
			k := key(c)
			if wellWords[k] || otherHeads[k] {
				return true
			}
		}
	}
	return false
}

var otherHeads = set("number", "ordernumber", "cycle", "samplepos", "#", "wellno", "general:pos", "siteid")

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
		return nil, nothing("", h.Line, "rows below the header")
	}
	return []pcr.Run{run}, nil
}
