package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

// Cyclers whose result is one table with a header of their own.
func init() {
	register(Driver{Name: "mxpro", Title: "Stratagene Mx3000P, Mx3005P: MxPro text report", Wire: WireFile, Verified: true, Sniff: sniffBy(mxHead, 85), Decode: decodeMx})
	register(Driver{Name: "eco", Title: "Illumina Eco: results (csv)", Wire: WireFile, Verified: true, Sniff: sniffBy(ecoHead, 90), Decode: decodeEco})
	register(Driver{Name: "esco", Title: "Esco Spectrum: results (csv)", Wire: WireFile, Sniff: sniffBy(escoHead, 85), Decode: decodeEsco})
}

// mxHead: "Well →Assay →Well Type →Replicate →Threshold (dRn) →Ct (dRn) →Quantity (copies) →…", cells padded, "No Ct".
func mxHead(h Header) bool {
	return h.Has("Well", "Well Type") && h.Cq() >= 0 && h.Col("Assay", "Dye", "Well Name", "Replicate") >= 0
}

func decodeMx(f *File) ([]pcr.Run, error) {
	h, ok := find(f, mxHead)
	if !ok {
		return nil, nothing("", 0, "a table with Well Type and Ct (dRn)")
	}
	l := newLong(h.Header)
	l.well, l.target, l.task, l.dye, l.sample = h.Col("Well"), h.Col("Assay"), h.Col("Well Type"), h.Col("Dye"), h.Col("Well Name", "Sample Name")
	return h.run(pcr.Run{Instrument: "Stratagene Mx"}, l)
}

// ecoHead: 15 to 20 key lines, then "Well,Exclude,Sample Name,Assay Name,Assay Role,Cq,…"; the row of an empty well is "D5,".
func ecoHead(h Header) bool { return h.Has("Well", "Exclude", "Assay Name") && h.Cq() >= 0 }

func decodeEco(f *File) ([]pcr.Run, error) {
	h, ok := find(f, ecoHead)
	if !ok {
		return nil, nothing("", 0, "a table with Exclude, Assay Name and Cq")
	}
	p := h.above()
	l := newLong(h.Header)
	l.well, l.omit, l.sample, l.target, l.task, l.call = h.Col("Well"), h.Col("Exclude"), h.Col("Sample Name"), h.Col("Assay Name"), h.Col("Assay Role"), h.Col("Call")
	return h.run(pcr.Run{Instrument: first(p.of("Instrument"), "Eco"), Software: p.of("Software"), Name: p.of("Experiment Name"),
		Started: pcr.Stamp{Text: p.of("Run Start")}, Ended: pcr.Stamp{Text: p.of("Run Finish")}}, l)
}

// escoHead: "Number,Group,Sample Name,Standard Concentration,Calculated Concentration,Ct" with wells "<A1>"; lines of commas stand between.
func escoHead(h Header) bool {
	return h.Has("Number", "Sample Name", "Ct") && h.Col("Position", "Well") < 0
}

func decodeEsco(f *File) ([]pcr.Run, error) {
	h, ok := find(f, escoHead)
	if !ok {
		return nil, nothing("", 0, "a table with Number, Sample Name and Ct")
	}
	l := newLong(h.Header)
	l.well, l.sample = h.Col("Number"), h.Col("Sample Name")
	l.skip = func(r Row) bool { return !strings.HasPrefix(r.At(0), "<") }
	return h.run(pcr.Run{Instrument: "Esco Spectrum"}, l)
}
