package instruments

import "natlims/lims/pcr"

func init() {
	register(Driver{Name: "cfx-curves", Title: "Bio-Rad CFX: amplification results (csv, xlsx), curves only, and melting, which is refused", Wire: WireFile, Sniff: sniffCFXCurves, Decode: decodeCFXCurves})
}

// Bio-Rad "Quantification Amplification Results_FAM.csv": ",Cycle,A1,A2,…", one row a cycle, one file a dye. It holds curves
// and no Cq, so it is refused as a result; its curves come with the refusal.

func curvesHead(h Header) bool {
	return wideHead(h, "Cycle")
}

// meltHead: "Melt Curve RFU Results_SYBR.csv" has the temperature in the place of the cycle.
func meltHead(h Header) bool { return wideHead(h, "Temperature") }

func wideHead(h Header, first string) bool {
	c := h.Col(first)
	if c < 0 || c > 1 || len(h.Names) < c+2 {
		return false
	}
	n := 0
	for _, name := range h.Names[c+1:] {
		if _, ok := WellName(name); ok {
			n++
		} else if name != "" {
			return false
		}
	}
	return n > 0
}

func sniffCFXCurves(f *File) int {
	for _, is := range []func(Header) bool{curvesHead, meltHead} {
		if _, ok := find(f, is); ok {
			return 85
		}
	}
	return 0
}

func decodeCFXCurves(f *File) ([]pcr.Run, error) {
	if _, ok := find(f, curvesHead); !ok {
		h, _ := find(f, meltHead)
		return nil, melted(h.Line)
	}
	run := pcr.Run{Instrument: "Bio-Rad CFX"}
	line := 0
	for _, h := range heads(f) { // a workbook has a sheet for each dye, named as the dye
		if !curvesHead(h.Header) {
			continue
		}
		curves, cycles := wideCurves(h, h.Col("Cycle"), WellName)
		for i := range curves {
			if dyes[key(h.table.Name)] {
				curves[i].Dye = h.table.Name
			}
		}
		run.Curves, run.Cycles, line = append(run.Curves, curves...), max(run.Cycles, cycles), h.Line
	}
	return []pcr.Run{run}, nothing("", line, want(wantCurveless, "Cq"))
}

// wideCurves reads a table with one row a cycle and one column a well.
func wideCurves(h found, cycle int, well func(string) (string, bool)) (curves []pcr.Curve, cycles int) {
	rows := h.below()
	for col := cycle + 1; col < len(h.Names); col++ {
		name, ok := well(h.Names[col])
		if !ok {
			continue
		}
		mark := NumberMark(column(rows[:min(len(rows), maxCycles)], col))
		c := pcr.Curve{Well: name, Kind: pcr.Raw}
		for _, r := range rows {
			n, ok := index(r.At(cycle))
			if !ok || len(c.Y) >= maxCycles || n != c.First+len(c.Y) && len(c.Y) > 0 {
				break
			}
			if len(c.Y) == 0 {
				c.First = n
			}
			c.Y = append(c.Y, Number(r.At(col), mark))
			cycles = max(cycles, n)
		}
		if len(c.Y) > 0 {
			curves = append(curves, c)
		}
	}
	return curves, cycles
}
