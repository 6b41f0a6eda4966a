package instruments

import "natlims/lims/pcr"

func init() {
	register(Driver{Name: "mxpro", Title: "Stratagene Mx3000P, Mx3005P: MxPro text report; Agilent AriaMx in the same columns", Wire: WireFile, Verified: true, Sniff: sniffBy(mxHead, 85), Decode: decodeMx})
}

// mxHead: "Well →Assay →Well Type →Replicate →Threshold (dRn) →Ct (dRn) →Quantity (copies) →…", cells padded, "No Ct".
func mxHead(h Header) bool {
	return h.Has("Well", "Well Type") && h.Cq() >= 0 && h.Col("Assay", "Target", "Dye", "Well Name", "Replicate") >= 0
}

func decodeMx(f *File) ([]pcr.Run, error) {
	h, ok := find(f, mxHead)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Well Type", "Ct (dRn)"))
	}
	l := newLong(h.Header)
	l.well, l.target, l.task, l.dye, l.sample = h.Col("Well"), h.Col("Assay", "Target"), h.Col("Well Type"), h.Col("Dye"), h.Col("Well Name", "Sample Name")
	return h.run(pcr.Run{Instrument: "Stratagene Mx"}, l)
}
