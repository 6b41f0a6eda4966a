package instruments

import "natlims/lims/pcr"

func init() {
	register(Driver{Name: "myiq", Title: "Bio-Rad MyiQ, iQ5: results (csv)", Wire: WireFile, Verified: true, Sniff: sniffMyiQ, Decode: decodeMyiQ})
}

func myiqHead(h Header) bool { return h.Has("Well", "Fluor", "Identifier") && h.Cq() >= 0 }

func sniffMyiQ(f *File) int {
	if _, ok := find(f, myiqHead); ok {
		return 90
	}
	return 0
}

// decodeMyiQ reads `,"Well","Fluor","Type","Identifier","Replicate #","Threshold Cycle (Ct)",…`. A mean of "00.00" beside "N/A" is no value.
func decodeMyiQ(f *File) ([]pcr.Run, error) {
	h, ok := find(f, myiqHead)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Fluor", "Identifier", "Threshold Cycle"))
	}
	l := newLong(h.Header)
	l.well, l.dye, l.task, l.sample = h.Col("Well"), h.Col("Fluor"), h.Col("Type"), h.Col("Identifier")
	return h.run(pcr.Run{Instrument: "Bio-Rad MyiQ"}, l)
}
