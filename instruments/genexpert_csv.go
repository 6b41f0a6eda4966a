package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

// Cepheid GeneXpert Dx "Export Data", UTF-16LE with U+FEFF between the blocks. One test is several blocks with the same
// keys (RESULT TABLE, OPTICAL DATA, Analysis Settings, ASSAY INFORMATION); only RESULT TABLE counts.
//
//	RESULT TABLE
//	Sample ID,AP-0001
//	Assay,Ebola RUO
//	Test Result,Ebola GP DETECTED|Ebola NP DETECTED|
//	Module Name,B4
//	Analyte Result
//	Analyte Name,Ct,EndPt,Analyte Result,Probe Check Result
//	GP,39.1,105,POS,PASS
//
// "Ct 0.0" says that there is none. A test that ended with ERROR, INVALID or NO RESULT may have no analytes; it becomes one
// reading without a Cq, so that a failed sample does not vanish.
func init() {
	register(Driver{Name: "genexpert-csv", Title: "Cepheid GeneXpert Dx: exported tests (csv)", Wire: WireFile, Verified: true, Sniff: sniffGeneXpert, Decode: decodeGeneXpert})
}

func sniffGeneXpert(f *File) int {
	lines := head(f, 60)
	if mentions(lines, "RESULT TABLE") && mentions(lines, "Assay,", "Assay\t", "Assay;", "Sample ID") {
		return 95
	}
	return 0
}

// maxTests bounds the tests of one export.
const maxTests = 10000

func decodeGeneXpert(f *File) ([]pcr.Run, error) {
	t, err := f.Text()
	if err != nil {
		return nil, err
	}
	var runs []pcr.Run
	cut := 0 // the line of a test that the export does not hold to its end
	for i := 0; i < len(t.Lines); i++ {
		if len(runs) > maxTests {
			return nil, &Error{Code: CodeTooLarge, Line: i, Offset: -1, Want: atMost(maxTests, "tests")}
		}
		if strings.Trim(t.Lines[i], ", ;\t\"") != "RESULT TABLE" {
			continue
		}
		end := i + 1
		for end < len(t.Lines) && !blockTitle(t.Lines[end]) {
			end++
		}
		lines := t.Lines[i+1 : end]
		if end == len(t.Lines) && t.Open != "" && len(lines) > 0 {
			lines = lines[:len(lines)-1] // the line may have been cut off; in a whole export it is no result
		}
		if run, ok := geneXpertTest(lines, i+2); ok {
			runs = append(runs, run)
		} else if end == len(t.Lines) && strings.TrimSpace(strings.Join(lines, "")) != "" {
			cut = i + 1
		}
		i = end - 1
	}
	if cut > 0 && len(runs) == 0 {
		return nil, &Error{Code: CodeDamaged, Line: cut, Offset: -1, Want: want(wantBlock, "RESULT TABLE")}
	}
	if cut > 0 {
		runs[0].Notes = append(runs[0].Notes, pcr.Note{Line: cut, Code: "test.cut", Text: "RESULT TABLE"})
	}
	if len(runs) == 0 {
		return nil, nothing("", 0, want(wantBlock, "RESULT TABLE"))
	}
	return runs, nil
}

// blockTitle recognises the first line of any block.
func blockTitle(line string) bool {
	switch strings.ToUpper(strings.Trim(line, ", ;\t\"")) {
	case "RESULT TABLE", "OPTICAL DATA", "ANALYSIS SETTINGS", "ASSAY INFORMATION":
		return true
	}
	return false
}

// geneXpertTest reads one RESULT TABLE block. line is the number of its first line.
func geneXpertTest(lines []string, line int) (pcr.Run, bool) {
	sep := Delimiter(lines)
	if sep == '\t' && !strings.Contains(strings.Join(lines, ""), "\t") {
		sep = ','
	}
	keys := preamble{}
	var cells []string
	at := -1 // the line of the analyte header
	for i, l := range lines {
		if k := strings.Trim(l, ", ;\t\""); k == "Analyte Result" {
			at = i + 1
			break
		}
		cells, _ = splitCells(cells[:0], l, sep)
		if len(cells) > 1 && keys[key(cells[0])] == "" {
			keys[key(cells[0])] = strings.TrimSpace(strings.Join(cells[1:], string(sep)))
		}
	}
	if keys["assay"] == "" && keys["sampleid"] == "" || !ended(lines, keys, at) {
		return pcr.Run{}, false
	}
	run := pcr.Run{Instrument: "GeneXpert", Serial: keys["instruments/n"], Software: keys["s/wversion"], Operator: strings.TrimPrefix(keys["user"], "<None>"), Name: keys["assay"],
		Started: pcr.Stamp{Text: keys["starttime"]}, Ended: pcr.Stamp{Text: keys["endtime"]}}
	base := pcr.Reading{Well: keys["modulename"], Sample: keys["sampleid"], Target: keys["assay"], Task: keys["testtype"], Value: keys["testresult"],
		Status: keys["status"], At: keys["endtime"], Line: line, State: pcr.Blank}
	if e := keys["errorstatus"]; e != "" && e != "OK" {
		base.Status = strings.TrimSpace(base.Status + " " + e)
	}
	if at >= 0 {
		run.Readings, run.Notes = analytes(lines[at:], line+at, sep, base)
	}
	if len(run.Readings) == 0 {
		run.Readings = []pcr.Reading{base}
	}
	return run, true
}

// ended says whether a test goes on as far as its results: a blank line closes the table of its analytes. A test that ended
// without one says so in its status.
func ended(lines []string, keys preamble, at int) bool {
	if at < 0 {
		return keys["status"] != "" && (keys["status"] != "Done" || keys["errorstatus"] != "OK")
	}
	for _, l := range lines[at:] {
		if strings.Trim(l, ", ;\t\"") == "" {
			return true
		}
	}
	return len(lines) > at+1 && keys["status"] != ""
}

// analytes reads the rows below "Analyte Result" up to the blank line.
func analytes(lines []string, line int, sep byte, base pcr.Reading) (readings []pcr.Reading, notes []pcr.Note) {
	for i, l := range lines {
		if strings.Trim(l, ", ;\t\"") == "" {
			lines = lines[:i]
			break
		}
	}
	rows, err := SplitRows(lines, line, sep)
	if err != nil || len(rows) < 2 {
		return nil, nil
	}
	h := newHeader(0, rows[0])
	name, ct, result := h.Col("Analyte Name"), h.Col("Ct"), h.Col("Analyte Result")
	if name < 0 || ct < 0 {
		return nil, nil
	}
	rule := CqRule{Mark: CqMark(column(rows[1:], ct)), Zero: true}
	for _, r := range rows[1:] {
		g := base
		g.Line, g.Call, g.Target = r.Line, r.At(result), base.Target+" / "+r.At(name)
		var known bool
		if g.State, g.Cq, g.CqText, known = rule.Read(r.At(ct)); !known {
			notes = append(notes, pcr.Note{Line: r.Line, Code: "cq.unreadable", Text: cut(r.At(ct))})
		}
		readings = append(readings, g)
	}
	return readings, notes
}
