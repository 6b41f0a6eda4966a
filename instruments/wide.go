package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

// Tables with one row a well and a Cq column for each target or dye, which programs beside the instruments write:
//
//	Well,Sample,Ct FAM,Ct HEX        Well,Sample,N Ct,RP Ct        Well;Sample;Cq (ORF1ab);Cq (RP)
//
// What stands beside the Cq word is the target, or a dye where it is the name of one. It is asked last, and only where all cells of
// these columns are cycles or words for none: "Ct Threshold" and "Ct Mean" are columns of other tables.
func init() {
	register(Driver{Name: "table-wide", Title: "any table with a well column and a Cq column for each target", Wire: WireFile, Sniff: sniffWide, Decode: decodeWide})
}

// statistics are the words beside Cq that name no target.
var statistics = set("mean", "avg", "average", "median", "sd", "stdev", "std", "std.", "dev", "dev.", "std.dev", "std.dev.", "stddev", "error", "sem", "se", "cv", "cv%", "%cv", "threshold",
	"conf", "confidence", "min", "max", "delta", "Δ", "δ", "δδ", "diff", "rep.", "replicate", "drn", "dr", "r", "value", "cutoff", "cut-off", "control", "repct", "range", "n", "t", "thresh.")

// wideColumns are the Cq columns with what their names say beside the Cq word.
func wideColumns(h Header) map[int]string {
	cols := map[int]string{}
	for i, name := range h.Names {
		words := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" _()[]-:/", r) })
		if len(words) < 2 || len(words) > 4 || len(name) > 60 {
			continue
		}
		at := -1
		for j, w := range words {
			if k := key(w); j == 0 || j == len(words)-1 {
				if k == "ct" || k == "cq" || k == "cp" || k == "crt" {
					at = j
				}
			}
			if statistics[key(w)] {
				words = nil
				break
			}
		}
		if words == nil || at < 0 {
			continue
		}
		if at == 0 {
			name = name[len(words[0]):]
		} else {
			name = strings.TrimRight(name, " _()[]-:/")
			name = name[:len(name)-len(words[at])]
		}
		cols[i] = strings.Trim(name, " _()[]-:/")
	}
	return cols
}

func wideTable(h found) bool {
	if h.Well() < 0 || h.Cq() >= 0 {
		return false
	}
	cols := wideColumns(h.Header)
	sure := false
	for col := range cols {
		for cell := range column(h.below(), col) {
			_, _, _, known := CqRule{Mark: CqMark(func(yield func(string) bool) { yield(cell) })}.Read(cell)
			if !known {
				return false
			}
			sure = sure || numeric(cell)
		}
	}
	return sure
}

func findWide(f *File) (found, bool) {
	for _, h := range heads(f) {
		if wideTable(h) {
			return h, true
		}
	}
	return found{}, false
}

func sniffWide(f *File) int {
	if _, ok := findWide(f); ok {
		return 4
	}
	return 0
}

func decodeWide(f *File) ([]pcr.Run, error) {
	h, ok := findWide(f)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Well", "Cq (…)"))
	}
	var run pcr.Run
	cols := wideColumns(h.Header)
	for i := range h.Names {
		name, ok := cols[i]
		if !ok {
			continue
		}
		l := plainColumns(h)
		l.cq, l.target, l.dye = i, -1, -1
		l.fix = func(g *pcr.Reading) {
			if g.Target = name; dyes[key(name)] {
				g.Target, g.Dye = "("+name+")", name
			}
		}
		readings, notes := l.read(h.below())
		run.Readings, run.Notes = append(run.Readings, readings...), append(run.Notes, notes...)
	}
	if len(run.Readings) == 0 {
		return nil, nothing("", h.Line, want(wantRows))
	}
	return []pcr.Run{run}, nil
}
