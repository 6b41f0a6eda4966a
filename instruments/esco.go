package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

func init() {
	register(Driver{Name: "esco", Title: "Esco Spectrum: results (csv)", Wire: WireFile, Sniff: sniffBy(escoHead, 85), Decode: decodeEsco})
}

// escoHead: "Number,Group,Sample Name,Standard Concentration,Calculated Concentration,Ct" with wells "<A1>"; lines of commas stand between.
func escoHead(h Header) bool {
	return h.Has("Number", "Sample Name", "Ct") && h.Col("Position", "Well") < 0
}

func decodeEsco(f *File) ([]pcr.Run, error) {
	h, ok := find(f, escoHead)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Number", "Sample Name", "Ct"))
	}
	l := newLong(h.Header)
	l.well, l.sample = h.Col("Number"), h.Col("Sample Name")
	l.skip = func(r Row) bool { return !strings.HasPrefix(r.At(0), "<") }
	return h.run(pcr.Run{Instrument: "Esco Spectrum"}, l)
}
