package instruments

import "natlims/lims/pcr"

func init() {
	register(Driver{Name: "opticon", Title: "Bio-Rad/MJ Opticon: results (txt)", Wire: WireFile, Verified: true, Sniff: sniffOpticon, Decode: decodeOpticon})
}

func opticonHead(h Header) bool {
	return h.Col("Well / Set") >= 0 && h.Cq() >= 0 || h.Has("Well", "Dye", "Description") && h.Cq() >= 0
}

func sniffOpticon(f *File) int {
	if _, ok := find(f, opticonHead); ok {
		return 90
	}
	return 0
}

// decodeOpticon reads "Well / Set→Dye→Content→Description→Efficiency→C(t)→…"; "Well /Set" is written too, one row for each dye.
func decodeOpticon(f *File) ([]pcr.Run, error) {
	h, ok := find(f, opticonHead)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Well / Set", "C(t)"))
	}
	l := newLong(h.Header)
	l.dye, l.task, l.sample = h.Col("Dye"), h.Col("Content"), h.Col("Description")
	return h.run(pcr.Run{Instrument: "Opticon"}, l)
}
