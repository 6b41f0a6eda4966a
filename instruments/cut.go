package instruments

import (
	"slices"
	"strings"

	"natlims/lims/pcr"
)

// A text that was cut off ends in the middle of a row, and "27.1" of "27.102" is a Cq like any other. Complete exports without
// a last line end exist as well. So the row that no line end closes counts only where the rows above it prove it whole: it
// has as many cells as they have, and its last cell is closed by a quote, written as theirs are, or as long. Where it is alone, its header
// proves it: the row has a cell for each column, and the last is closed by a quote or a word that no longer word begins with.

// codeCut is the Note of a row that was left out because the text may end inside it.
const codeCut = "row.cut"

// uncut takes off the last row where the text may end inside it. last is the line that no line end closes, "" where all are closed.
func uncut(rows []Row, last string) []Row {
	if last == "" || len(rows) == 0 || rowWhole(rows, last) {
		return rows
	}
	return rows[:len(rows)-1]
}

// rowWhole says whether the last row ends as those of its table do. A row without a position is no
// reading and may end as it likes.
func rowWhole(rows []Row, last string) bool {
	if strings.Count(last, `"`)%2 != 0 {
		return false
	}
	r := rows[len(rows)-1]
	from := len(rows) - 1
	for from > 0 && len(rows)-from < 5000 && !headRow(rows[from-1]) {
		from--
	}
	if from > 0 {
		head := rows[from-1]
		if at := slices.IndexFunc(head.Cells, headWord); at >= 0 && at < len(r.Cells) && !placed(Row{Cells: r.Cells[at : at+1]}) || !counts(head, len(r.Cells)-1) {
			return true
		}
		if len(r.Cells) == len(head.Cells) && (strings.HasSuffix(last, `"`) || closed(head.At(len(r.Cells)-1), r.At(len(r.Cells)-1))) {
			return true
		}
	}
	return !placed(r) || endsAlike(rows[max(from, len(rows)-101):len(rows)-1], r, strings.HasSuffix(last, `"`))
}

// endsAlike compares the end of a row with those of the rows of its table.
func endsAlike(peers []Row, r Row, quoted bool) bool {
	at := len(r.Cells) - 1
	cell, n, longest, places := r.At(at), 0, 0, -1
	alike := quoted || noCqWords[key(cell)] || closedWords[key(cell)]
	for _, p := range slices.Backward(peers) {
		c := p.At(at)
		switch {
		case !placed(p), len(p.Cells) < len(r.Cells):
			continue
		case len(p.Cells) > len(r.Cells) && n > 2:
			continue // rows that leave out empty cells at their end
		case len(p.Cells) > len(r.Cells), cell == "" && c != "":
			return false // what the others hold there is missing
		}
		n, longest, alike = n+1, max(longest, len(c)), alike || c == cell
		if numeric(c) && (places < 0 || decimals(c) < places) {
			places = decimals(c)
		}
	}
	if !alike && numeric(cell) && places > 0 {
		return n > 0 && decimals(cell) >= places
	}
	if cell == "" {
		return n > 1 // as empty as the others
	}
	return n > 0 && alike || n > 1 && longest > 0 && len(cell) >= longest // a name or a whole number: only one of the full length
}

// counts says whether one of the columns from at on becomes part of a reading. Half a threshold or half a note does no harm.
func counts(head Row, at int) bool {
	if at >= len(head.Cells) {
		return true
	}
	for _, c := range head.Cells[at:] {
		if k := key(c); cqWords[k] || sampleWords[k] || endWords[k] || k != "" && k[0] >= 0x80 || strings.HasPrefix(k, "target") || aboutCq(k) {
			return true
		}
	}
	return false
}

// aboutCq says whether a column is one of Cq for a dye or a target ("ctfam", "cq(n)", "nct").
func aboutCq(k string) bool {
	for _, w := range []string{"ct", "cq", "cp", "crt"} {
		if rest, ok := strings.CutPrefix(k, w); ok && !statistics[rest] {
			return true
		}
		if rest, ok := strings.CutSuffix(k, w); ok && !statistics[rest] {
			return true
		}
	}
	return false
}

// closedWords are words of instruments that no longer word begins with.
var closedWords = set("amp", "noamp", "inconclusive", "true", "false", "unknown", "standard", "positive", "negative", "detected", "notdetected", "targetnotdetected")

// flagWords are the columns of quality flags, which hold Y or N.
var flagWords = set("noamp", "highsd", "expfail", "prfdrop", "tholdfail", "badrox", "offscale", "spike")

// closed says whether a cell under that header is a word that nothing follows.
func closed(head, cell string) bool {
	k := key(cell)
	if flagWords[key(head)] && (k == "y" || k == "n") || closedWords[k] {
		return true
	}
	if !noCqWords[k] || k[0] == '-' { // of a number below zero
		return false
	}
	for w := range noCqWords {
		if len(w) > len(k) && strings.HasPrefix(w, k) {
			return false
		}
	}
	return true
}

// endWords are, beside those of Cq and sample, the columns that a reading takes.
var endWords = set("target", "targetname", "detector", "detectorname", "gene", "genename", "assay", "assayname", "snpassayname", "dye", "fluor", "reporter", "channel", "call",
	"result", "reportedresult", "interpretation", "assessment", "task", "content", "type", "sampletype", "property", "status", "ampstatus", "flag", "flags", "omit", "excluded",
	"unit", "item", "plate", "noamp", "highsd", "expfail", "prfdrop", "tholdfail", "badrox", "offscale", "spike")

// placed says whether a row can be a reading: a well or a number stands in front.
func placed(r Row) bool {
	for i := range min(len(r.Cells), 8) {
		c := r.At(i)
		if _, ok := WellName(c); ok {
			return true
		}
		if _, ok := index(c); ok {
			return true
		}
	}
	return false
}

// decimals is the number of digits behind the decimal mark of a number.
func decimals(s string) int {
	i := strings.LastIndexAny(s, ".,")
	if i < 0 {
		return 0
	}
	return len(s) - 1 - i
}

// cutNotes says that the last row of a text was left out.
func cutNotes(f *File) []pcr.Note {
	t, err := f.Text()
	if err != nil || t.Open == "" {
		return nil
	}
	tables, err := f.Tables()
	if err != nil || len(tables) == 0 {
		return nil
	}
	rows, err := tables[len(tables)-1].Rows()
	if err != nil || len(rows) > 0 && rows[len(rows)-1].Line == len(t.Lines) {
		return nil
	}
	return []pcr.Note{{Line: len(t.Lines), Code: codeCut, Text: cut(t.Open)}}
}
