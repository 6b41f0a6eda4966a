package instruments

import "natlims/lims/pcr"

func init() {
	register(Driver{Name: "eco", Title: "Illumina Eco: results (csv)", Wire: WireFile, Verified: true, Sniff: sniffBy(ecoHead, 90), Decode: decodeEco})
}

// ecoHead: 15 to 20 key lines, then "Well,Exclude,Sample Name,Assay Name,Assay Role,Cq,…"; the row of an empty well is "D5,".
func ecoHead(h Header) bool { return h.Has("Well", "Exclude", "Assay Name") && h.Cq() >= 0 }

func decodeEco(f *File) ([]pcr.Run, error) {
	h, ok := find(f, ecoHead)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Exclude", "Assay Name", "Cq"))
	}
	p := h.above()
	l := newLong(h.Header)
	l.well, l.omit, l.sample, l.target, l.task, l.call = h.Col("Well"), h.Col("Exclude"), h.Col("Sample Name"), h.Col("Assay Name"), h.Col("Assay Role"), h.Col("Call")
	return h.run(pcr.Run{Instrument: first(p.of("Instrument"), "Eco"), Software: p.of("Software"), Name: p.of("Experiment Name"),
		Started: pcr.Stamp{Text: p.of("Run Start")}, Ended: pcr.Stamp{Text: p.of("Run Finish")}}, l)
}
