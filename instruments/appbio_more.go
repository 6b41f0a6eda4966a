package instruments

import (
	"math"
	"strings"

	"natlims/lims/pcr"
)

// furtherRuns are those of exports that were joined into one text: each has a Results section of its own, and its preamble
// stands below the section before it.
func furtherRuns(f *File) (runs []pcr.Run) {
	tables, err := f.Tables()
	if err != nil || f.Workbook() {
		return nil
	}
	n := 0
	for _, t := range tables {
		if key(t.Name) == "results" {
			n++
		}
	}
	if n < 2 {
		return nil
	}
	seen := false
	pre := preamble{}
	for _, t := range tables {
		rows, err := t.Rows()
		if err != nil {
			return runs
		}
		if key(t.Name) == "results" && seen {
			b := appbio{pre: pre, results: rows}
			if b.head, b.ok = FindHeader(rows); b.ok {
				run := b.run()
				run.Readings, run.Notes = b.columns(b.positions()).read(below(rows, b.head))
				runs = append(runs, run)
			}
		}
		seen = seen || key(t.Name) == "results"
		if keys := starred(rows); len(keys) > 0 {
			pre = readPreamble(keys, len(keys))
		}
	}
	return runs
}

// starred are the rows of a preamble: "* Block Type = 96-Well Block".
func starred(rows []Row) (out []Row) {
	for _, r := range rows {
		if strings.HasPrefix(r.At(0), "* ") {
			out = append(out, r)
		}
	}
	return out
}

// genotypes reads "Allele1 Ct" and "Allele2 Ct": two readings a row, named "ASSAY-ALLELE" as the amplification data names them.
func (b *appbio) genotypes(f *File, run *pcr.Run, at wells) {
	h := b.head
	rows := below(b.results, h)
	names, dyes := alleles(f, at)
	for i, n := range []string{"Allele1", "Allele2"} {
		l := b.columns(at)
		l.cq = h.Col(n+" Ct", n+" CT", n+" Crt")
		if l.cq < 0 {
			continue
		}
		l.target = h.Col("SNP Assay Name")
		l.dye = h.Col(n + " Reporter")
		l.fix = func(g *pcr.Reading) {
			if g.Dye == "" {
				g.Dye = dyes[i][g.Well]
			}
			name := first(names[i][g.Well], []string{"Allele 1", "Allele 2"}[i])
			if g.Target == "" {
				g.Target = name
			} else {
				g.Target += "-" + name
			}
		}
		readings, notes := l.read(rows)
		run.Readings = append(run.Readings, readings...)
		run.Notes = append(run.Notes, notes...)
	}
}

// alleles gives the names and dyes of both alleles of each well from the sample set-up.
func alleles(f *File, at wells) (names, dyes [2]map[string]string) {
	for i := range names {
		names[i], dyes[i] = map[string]string{}, map[string]string{}
	}
	rows, err := f.Table("Sample Setup").Rows()
	if err != nil {
		return names, dyes
	}
	h, ok := FindHeaderWith(rows, "Well", "Allele1 Name")
	if !ok {
		return names, dyes
	}
	for _, r := range below(rows, h) {
		well, ok := at.of(first(r.At(h.Col("Well Position")), r.At(h.Col("Well"))))
		if !ok {
			continue
		}
		names[0][well], names[1][well] = r.At(h.Col("Allele1 Name")), r.At(h.Col("Allele2 Name"))
		dyes[0][well], dyes[1][well] = r.At(h.Col("Allele1 Reporter")), r.At(h.Col("Allele2 Reporter"))
	}
	return names, dyes
}

// maxCycles bounds the values of one curve. No cycler runs so many cycles.
const maxCycles = 200

// maxMarked bounds the rows of a table of curves that are asked for the decimal mark.
const maxMarked = 5000

// appbioCurves reads "Amplification Data": Well, [Well Position,] Cycle, Target Name, Rn, Delta Rn. Rows may come in any order.
func appbioCurves(f *File, at wells) (curves []pcr.Curve, cycles int, err error) {
	t := f.Table("Amplification Data")
	h, s, err := curveHead(t)
	if err != nil || s == nil {
		return nil, 0, err
	}
	well, target := h.Col("Well Position", "Well"), h.Col("Target Name", "Target")
	for r, err := range t.Each() {
		if err != nil {
			return nil, 0, err
		}
		if r.Line <= h.Line {
			continue
		}
		if name, ok := at.of(r.At(well)); ok {
			s.take(name, r.At(target), "", r)
		}
	}
	return s.curves(), s.cycles, nil
}

// curveHead finds the header row of the amplification data, and the decimal marks of its columns in the rows below; no series
// where there is none.
func curveHead(t *Table) (h Header, s *series, err error) {
	n, open := 0, 0
	for r, err := range t.Each() {
		switch {
		case err != nil:
			return h, nil, err
		case s == nil && len(r.Cells) >= 2:
			if h = newHeader(n, r); h.Well() < 0 || h.Col("Cycle", "Cycle Number") < 0 || h.Col("Rn") < 0 {
				break
			}
			s = newSeries(h.Col("Cycle", "Cycle Number"))
			s.add(pcr.Rn, h.Col("Rn"), 0)
			s.add(pcr.DeltaRn, h.Col("Delta Rn", "ΔRn", "dRn", "DRn"), 0)
			open = len(s.cols)
		case s != nil:
			for i, col := range s.cols {
				if s.marks[i] != 0 {
					continue
				}
				if s.marks[i] = markOf(r.At(col)); s.marks[i] != 0 {
					open--
				}
			}
			if open == 0 || n-h.Row >= maxMarked {
				return h, s, nil
			}
		}
		n++
	}
	return h, s, nil
}

// series collects curves from rows of one cycle each.
type series struct {
	cycle  int // column of the cycle number
	cycles int // the largest cycle seen
	kinds  []pcr.CurveKind
	cols   []int
	marks  []Mark
	at     map[[3]string]int // well, target, dye -> first of its curves
	out    []pcr.Curve
	prior  [3]string
	last   int
}

func newSeries(cycle int) *series { return &series{cycle: cycle, at: map[[3]string]int{}, last: -1} }

// add names a column of values and its decimal mark, 0 where it is the point or not known yet; column -1 is left out.
func (s *series) add(kind pcr.CurveKind, col int, mark Mark) {
	if col >= 0 {
		s.kinds, s.cols, s.marks = append(s.kinds, kind), append(s.cols, col), append(s.marks, mark)
	}
}

// take puts the values of a row to the curves of the well. Cycles without a value become NaN.
func (s *series) take(well, target, dye string, r Row) {
	n, ok := index(r.At(s.cycle))
	if !ok || n < 1 || n > maxCycles {
		return
	}
	k := [3]string{well, target, dye}
	i := s.last
	if k != s.prior || i < 0 {
		if i, ok = s.at[k]; !ok {
			i = len(s.out)
			for _, kind := range s.kinds {
				s.out = append(s.out, pcr.Curve{Well: well, Target: target, Dye: dye, Kind: kind, First: n, Y: make([]float64, 0, 45)})
			}
			s.at[k] = i
		}
		s.prior, s.last = k, i
	}
	s.cycles = max(s.cycles, n)
	for j, col := range s.cols {
		cell := r.At(col)
		if cell == "" {
			continue
		}
		c := &s.out[i+j]
		if len(c.Y) == 0 {
			c.First = n
		}
		for at := n - c.First; at >= len(c.Y) && at >= 0; {
			c.Y = append(c.Y, math.NaN())
		}
		if at := n - c.First; at >= 0 {
			c.Y[at] = Number(cell, s.marks[j])
		}
	}
}

// curves are those that hold at least one value.
func (s *series) curves() []pcr.Curve {
	kept := s.out[:0]
	for _, c := range s.out {
		if len(c.Y) > 0 {
			kept = append(kept, c)
		}
	}
	return kept
}
