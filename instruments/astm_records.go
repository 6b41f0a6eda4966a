package instruments

import (
	"strings"

	"natlims/instruments/astm"
	"natlims/lims/pcr"
)

// ASTM E1394 / LIS02-A2 records of any instrument, with or without frames.
//
//	H|\^&|||XYZ^1.2^SN7|||||LIS||P|LIS2-A2|20260101123000
//	O|1|S-0001||^^^SARS-COV-2|R||…
//	R|1|^^^ORF1ab^^Ct|27.35|Ct||N||F
//	C|1|I|internal control late|G
//
// Every R record is a reading; every C record with a text is one too, with target "(C record)", so that a person sees
// why a failed sample has no R. A message that holds neither (query, orders, word that there are none) is refused.
func init() {
	register(Driver{Name: "astm", Title: "any instrument: ASTM E1394 / LIS02-A2 records, framed or bare", Wire: WireASTM, Verified: true,
		Sniff: func(f *File) int { return sniffASTM(f, 50, func(string) bool { return true }) }, Decode: decodeASTM(astmRules{})})
}

// commentTarget is the target of a reading made from a C record.
const commentTarget = "(C record)"

// sniffASTM gives score if the content is ASTM and its first header's sender is mine.
func sniffASTM(f *File, score int, mine func(sender string) bool) int {
	if w := wire(f); w.kind == WireASTM && mine(w.from) {
		return score
	}
	return 0
}

// astmRules are what one family of instruments does its own way. Zero fields are the standard.
type astmRules struct {
	header func(*pcr.Run, *astm.Records)
	sample func(*astm.Records) string    // of an O record
	result func(*pcr.Run, *astm.Records) // of an R record with run facts, after the reading was added
}

func decodeASTM(rules astmRules) func(*File) ([]pcr.Run, error) {
	return func(f *File) ([]pcr.Run, error) {
		w := wire(f)
		if w.kind != WireASTM {
			return nil, &Error{Code: CodeUnknown, Offset: -1, Value: start(f), Want: want(wantASTM)}
		}
		d := astmDecoder{rules: rules, codes: map[string]testCode{}, r: astm.NewRecords(w.text)}
		if !d.size(w.text) {
			return nil, wireFull("records", MaxReadings)
		}
		return d.run(w.notes)
	}
}

// astmDecoder walks over the records once. Texts of readings share the memory of the message.
type astmDecoder struct {
	rules    astmRules
	check    astmCheck
	r        *astm.Records
	runs     []pcr.Run
	all      []pcr.Reading // of all runs, so that there is one allocation
	begun    bool          // inside H … L
	codes    map[string]testCode
	order    pcr.Reading // what the O record says of its readings
	test     string      // test code of the O record
	answered bool        // the order has an R or C record
	other    Want        // what a message without results is; quotes nothing, since queries and orders name patients
}

// size makes room for all readings: one for each R and C record, and one for each failed order without any. It is false
// where there are too many.
func (d *astmDecoder) size(text string) bool {
	sep := byte('\r')
	if strings.IndexByte(text, sep) < 0 {
		sep = '\n'
	}
	n := 1
	for i := strings.IndexByte(text, sep); i >= 0 && len(text) > i+1; i = strings.IndexByte(text, sep) {
		text = text[i+1:]
		if text[0] == '\n' && len(text) > 1 {
			text = text[1:]
		}
		if text[0] == 'R' || text[0] == 'C' {
			n++
		}
	}
	if n > MaxReadings {
		return false
	}
	d.all = make([]pcr.Reading, 0, n)
	return true
}

func (d *astmDecoder) run(notes []pcr.Note) ([]pcr.Run, error) {
	for d.r.Next() {
		if len(d.runs) > MaxMessages || len(d.all) > MaxReadings {
			return nil, wireFull("messages", MaxMessages)
		}
		if err := d.check.record(d.r); err != nil {
			return nil, err
		}
		switch d.r.Type() {
		case 'H':
			d.head()
		case 'P':
			d.endOrder()
			d.order = pcr.Reading{}
		case 'O':
			d.openOrder()
		case 'R':
			d.reading()
		case 'C':
			d.comment()
		case 'Q':
			d.other = want(wantNoQuery)
		case 'L':
			d.endOrder()
			d.order, d.begun = pcr.Reading{}, false
		case 'M', 'S': // manufacturer and scientific records: curves and raw data that nobody documents
		default:
			d.note("record.unknown", d.r.Record())
		}
	}
	d.endOrder()
	if d.begun && len(d.runs) > 0 {
		d.note("message.unended", "the last message has no L record")
	}
	runs := d.runs[:0]
	for _, run := range d.runs {
		if len(run.Readings) > 0 {
			runs = append(runs, run)
		}
	}
	if len(runs) == 0 {
		if d.other.Code == "" {
			d.other = want(wantResult)
		}
		return nil, noResults("", d.other)
	}
	runs[0].Notes = append(notes, runs[0].Notes...)
	return runs, nil
}

func (d *astmDecoder) now() *pcr.Run {
	if len(d.runs) == 0 {
		d.runs = append(d.runs, pcr.Run{})
	}
	return &d.runs[len(d.runs)-1]
}

func (d *astmDecoder) note(code, text string) {
	run := d.now()
	if len(run.Notes) < maxNotes {
		run.Notes = append(run.Notes, pcr.Note{Line: d.r.Line(), Code: code, Text: clip(text)})
	}
}

// maxNotes bounds the notes of one run; a damaged stream would make thousands.
const maxNotes = 1000

// clip shortens the text of a note. Reasons of failures are read by people and may be a sentence long.
func clip(s string) string {
	if len(s) <= 300 {
		return s
	}
	return strings.ToValidUTF8(s[:300], "")
}

func (d *astmDecoder) head() {
	d.endOrder()
	if d.begun {
		d.note("message.unended", "a new message begins before the L record")
	}
	d.begun, d.order, d.test = true, pcr.Reading{}, ""
	run := pcr.Run{Instrument: d.r.Part(5, 1), Software: d.r.Part(5, 2), Serial: d.r.Part(5, 3)}
	run.Instrument = trim(run.Instrument)
	if d.rules.header != nil {
		d.rules.header(&run, d.r)
	}
	if n := len(d.runs); n > 0 && len(d.runs[n-1].Readings) == 0 { // a query or the like: only its notes count
		run.Notes = d.runs[n-1].Notes
		d.runs = d.runs[:n-1]
	}
	d.runs = append(d.runs, run)
}

func (d *astmDecoder) openOrder() {
	d.endOrder()
	d.answered = false
	sample := astmSample
	if d.rules.sample != nil {
		sample = d.rules.sample
	}
	d.order = pcr.Reading{Sample: trim(sample(d.r)), State: pcr.Blank, Line: d.r.Line(), Status: d.r.Raw(26)}
	d.test = d.code(5).text
	if d.r.Raw(12) == "Q" { // LIS02-A2 9.4.12: a control
		d.order.Task = "Q"
	}
	place := trim(d.r.Part(4, 3))
	if len(place) == 3 && place[1] == '0' { // "A01": the common form, made short the short way
		place = place[:1] + place[2:]
	}
	if well, ok := WellName(place); ok {
		d.order.Well, d.order.Plate = well, trim(d.r.Part(4, 2))
		d.join()
	}
	if d.other.Code == "" {
		d.other = want(wantNoOrders)
	}
}

// join makes the messages of one plate, which an analyser sends one by one, into one run.
func (d *astmDecoder) join() {
	run := d.now()
	if run.Plate == "" && len(run.Readings) == 0 {
		run.Plate = d.order.Plate
		if n := len(d.runs); n > 1 {
			if last := &d.runs[n-2]; last.Plate == run.Plate && last.Serial == run.Serial && run.Plate != "" {
				last.Notes = append(last.Notes, run.Notes...)
				d.runs = d.runs[:n-1]
			}
		}
	}
}

// endOrder makes a failed order that has neither result nor comment visible (report type X, LIS02-A2 9.4.26).
func (d *astmDecoder) endOrder() {
	if d.order.Line > 0 && !d.answered && d.order.Status == "X" {
		line := d.order.Line
		g := d.add()
		g.Line, g.Target = line, d.test
	}
	d.order.Line = 0
}

// add begins a reading with what the order says of it. The readings of a run are neighbours in one block of memory.
func (d *astmDecoder) add() *pcr.Reading {
	run := d.now()
	from := len(d.all) - len(run.Readings)
	d.all = append(d.all, d.order)
	run.Readings = d.all[from:len(d.all):len(d.all)]
	d.answered = true
	g := &d.all[len(d.all)-1]
	g.Line = d.r.Line()
	return g
}

// testCode is a test code put together from its components. A plate names few tests, so each is made once.
type testCode struct {
	text string
	cq   bool // its last component is the cycle number
}

func (d *astmDecoder) code(n int) testCode {
	raw := d.r.Raw(n)
	t, ok := d.codes[raw]
	if !ok {
		t.text = d.r.Join(n)
		t.cq = endsWithCt(t.text)
		if len(d.codes) < 10000 {
			d.codes[raw] = t
		}
	}
	return t
}

func (d *astmDecoder) reading() {
	g := d.add()
	g.Status, g.State = d.r.Raw(9), pcr.Blank
	code := d.code(3)
	g.Target, g.Value, g.Unit = code.text, trim(d.r.Join(4)), trim(d.r.Text(5))
	g.At = or(d.r.Raw(13), d.r.Raw(12))
	if code.cq || isCqUnit(g.Unit) {
		if !setCq(g, g.Value) {
			d.note("cq.unreadable", g.Sample+" "+g.Target+": "+g.Value)
		}
	} else {
		setCall(g, g.Value)
	}
	run := d.now()
	if run.Ended.Text == "" {
		run.Operator, run.Started.Text, run.Ended.Text = trim(d.r.Part(11, 1)), d.r.Raw(12), d.r.Raw(13)
	}
	if d.rules.result != nil {
		d.rules.result(run, d.r)
	}
}

// comment makes a C record visible as a reading; its text stands as it came.
func (d *astmDecoder) comment() {
	text := trim(d.r.Delims().Unescape(d.r.Raw(4)))
	if strings.Trim(text, string(rune(d.r.Delims().Component))+" ") == "" {
		return
	}
	g := d.add()
	g.Target, g.Value, g.State = commentTarget, text, pcr.Blank
}

// endsWithCt says that the last component of a test code is the cycle number ("Delta Ct" is not).
func endsWithCt(target string) bool {
	if len(target) < 2 {
		return false
	}
	last := target[strings.LastIndexAny(target, "^&")+1:]
	return strings.EqualFold(last, "Ct") || strings.EqualFold(last, "Cq")
}

// astmSample is the specimen id: the first component of O-3 that is not empty; in O-4 the longest, for analysers that put
// rack and place before it ("^^      27^M", "T20 10134GA D28^^6").
func astmSample(r *astm.Records) string {
	for c := 1; c <= 4; c++ {
		if s := trim(r.Part(3, c)); s != "" {
			return s
		}
	}
	longest := ""
	for c := 1; c <= 4; c++ {
		if s := trim(r.Part(4, c)); len(s) > len(longest) {
			longest = s
		}
	}
	return longest
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
