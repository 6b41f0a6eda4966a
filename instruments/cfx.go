package instruments

import "natlims/lims/pcr"

// Bio-Rad CFX, Connect, C1000, Opus (CFX Manager, CFX Maestro): tables with Well and Fluor, one row for each well and dye.
//
//	,Well,Fluor,Target,Content,Sample,Biological Set Name,Cq,Cq Mean,…    Quantification Cq Results
//	,A01,FAM,N1,Unkn-01,S1,,21.1877528266099,…
//	,Well,Fluor,Target,Content,Sample,Cq,SQ                                Quantification Summary, in any order
//	→Well→Fluor→Content→Sample→C(t)                                        C1000, decimal comma
//	Well,Fluor,Target,Content,Sample,Biological Set Name,Cq                LIMS export
//
// The run report of all wells has key lines above. "N/A" (Manager) and "NaN" (Maestro) say that there is no Cq; the mean
// beside them is 0 and lies. Workbooks, and
// texts made of them, have an empty cell there: wells that are not in use have no row. Encrypted .pcrd and .zpcr are not read.
func init() {
	register(Driver{Name: "cfx", Title: "Bio-Rad CFX96/384, Connect, Opus, C1000: Cq results (csv, txt, xlsx)", Wire: WireFile, Verified: true,
		Sniff: sniffCFX, Decode: decodeCFX, Setup: setupCFX})
}

func cfxHead(h Header) bool {
	return h.Has("Well", "Fluor") && h.Cq() >= 0 && h.Col("Identifier") < 0
}

// cfxOther are tables of the same software without Cq: melting, end point.
func cfxOther(h Header) bool {
	return h.Has("Well", "Fluor") && h.Cq() < 0 && h.Col("Content", "End RFU", "Melt Temperature", "Call") >= 0
}

func sniffCFX(f *File) int {
	if _, ok := find(f, cfxHead); ok {
		return 90
	}
	if _, ok := find(f, cfxOther); ok {
		return 60
	}
	return 0
}

func decodeCFX(f *File) ([]pcr.Run, error) {
	h, ok := find(f, cfxHead)
	if !ok {
		h, _ = find(f, cfxOther)
		if h.Has("Melt Temperature") {
			return nil, melted(h.Line)
		}
		return nil, nothing("", h.Line, want(wantColumn, "Cq"))
	}
	l := newLong(h.Header)
	l.well = h.Col("Well")
	l.dye, l.target, l.sample = h.Col("Fluor"), h.Col("Target", "Target Name", "Gene"), h.Col("Sample", "Sample Name")
	l.task, l.call = h.Col("Content", "Sample Type", "Type"), h.Col("Call")
	l.omit = h.Col("Excluded", "Omit")
	if l.wordless(h.below()) {
		l.rule.Empty = pcr.NoCq
	}
	return h.run(cfxRun(h.above()), l)
}

// cfxRun reads the key lines of the run report.
func cfxRun(p preamble) pcr.Run {
	name := p.of("File Name")
	return pcr.Run{Instrument: "Bio-Rad CFX", Name: name, Plate: p.of("ID", "Barcode", "Plate ID"), Operator: p.of("Created By User", "User"),
		Serial: p.of("Base Serial Number", "Serial Number"), Software: p.of("CFX Manager Version", "CFX Maestro Version", "Software Version"),
		Started: stamp(p.of("Run Started")), Ended: stamp(p.of("Run Ended"))}
}

// wordless says whether the Cq column holds numbers and no word for none, which then is the empty cell. Where the column is
// empty altogether the run was not analysed.
func (l long) wordless(rows []Row) bool {
	numbers := false
	for cell := range l.cqCells(rows) {
		if !numeric(cell) {
			return false
		}
		numbers = true
	}
	return numbers
}
