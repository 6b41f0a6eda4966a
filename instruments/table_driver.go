package instruments

import "natlims/lims/pcr"

// The plainest table: a header row with a well word and a Cq word that no instrument's driver claims, such as the
// minimal "Well,Cq". It is the last one asked.
func init() {
	register(Driver{Name: "table", Title: "any table with a well column and a Cq column", Wire: WireFile, Sniff: sniffBy(plainHead, 5), Decode: decodePlain, Setup: setupTable})
}

func plainHead(h Header) bool { return h.Well() >= 0 && h.Cq() >= 0 && h.Well() != h.Cq() }

func decodePlain(f *File) ([]pcr.Run, error) {
	h, ok := find(f, plainHead)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Well", "Cq"))
	}
	return h.run(pcr.Run{}, plainColumns(h))
}

// plainColumns finds the columns by their words in the languages of many programs.
func plainColumns(h found) long {
	l := newLong(h.Header)
	l.sample = pick(h.Col("Sample Name", "Sample ID", "Sample", "Name", "Probe", "Probenname", "Échantillon", "Muestra", "Campione", "Amostra", "Проба", "Образец"), h.containing(hanSample))
	l.target = pick(h.Col("Target Name", "Target", "Detector Name", "Detector", "Assay Name", "Assay", "Gene Name", "Gene", "Ziel", "Zielgen", "Cible", "Objetivo", "Diana", "Alvo", "Мишень"), h.containing(hanTarget, l.sample))
	l.dye = pick(h.Col("Reporter", "Fluor", "Dye", "Channel", "Farbstoff", "Kanal", "Канал"), h.containing(hanDye))
	l.call, l.task, l.omit = h.Col("Call", "Result", "Interpretation"), pick(h.Col("Task", "Content", "Type", "Sample Type", "内容", "任务"), h.containing(hanTask)), h.Col("Omit", "Excluded")
	if l.index = -1; h.Has("Well", "Well Position") {
		l.well, l.index = h.Col("Well Position"), h.Col("Well")
	}
	l.plate = plateOf(largest(h.below(), l.well))
	return l
}
