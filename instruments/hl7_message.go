package instruments

import (
	"errors"
	"strings"
	"time"

	"natlims/instruments/hl7"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// HL7 v2 result messages of any instrument, with or without MLLP, several in one content, or inside ASTM frames.
//
//	ORU^R01, ORU^R30, ORU^R32: {PID {ORC OBR [NTE] [TQ1] {OBX [NTE]} [SPM]}}      the specimen comes last
//	OUL^R22, R21, R23:         {SPM [SAC] [INV] {OBR [ORC] [TQ1] {OBX [TCD] [INV] [NTE]}}}   the specimen comes first
//
// Every OBX is a reading: target = OBX-3, and "#" OBX-4 where it is not empty; value = OBX-5 as it stands. A message without
// OBX is refused, with the reason that it gives for a rejected order.
func init() {
	register(Driver{Name: "hl7", Title: "any instrument: HL7 v2 results (ORU, OUL)", Wire: WireHL7, Verified: true,
		Sniff: func(f *File) int { return sniffHL7(f, 50, func(wireText) bool { return true }) }, Decode: decodeHL7(hl7Rules{})})
	register(Driver{Name: "ihe-law", Title: "any instrument: HL7 v2 of IHE LAW (OUL^R22)", Wire: WireHL7, Verified: true,
		Sniff: func(f *File) int {
			return sniffHL7(f, 60, func(w wireText) bool { return strings.Contains(w.text[:min(len(w.text), 600)], "^IHE") })
		},
		Decode: decodeHL7(hl7Rules{})})
}

func sniffHL7(f *File, score int, mine func(wireText) bool) int {
	if w := wire(f); w.kind == WireHL7 && mine(w) {
		return score
	}
	return 0
}

// hl7Rules are what one family of instruments does its own way. Zero fields are the standard.
type hl7Rules struct {
	header func(*pcr.Run, hl7.Parsed)
	result func(d *hl7Decoder, g *pcr.Reading, obx string) // may change the reading
	quiet  map[string]bool                                 // codes of OBX-8 that say nothing out of the ordinary
	other  func(d *hl7Decoder, seg string)                 // a segment after an OBX
}

func decodeHL7(rules hl7Rules) func(*File) ([]pcr.Run, error) {
	return func(f *File) ([]pcr.Run, error) {
		w := wire(f)
		if w.kind != WireHL7 {
			return nil, &Error{Code: CodeUnknown, Offset: -1, Value: start(f), Want: want(wantHL7)}
		}
		return hl7Runs(rules, w)
	}
}

func hl7Runs(rules hl7Rules, w wireText) ([]pcr.Run, error) {
	var runs []pcr.Run
	line, total := 0, 0
	var refused error
	messages := hl7.Split(w.text)
	if len(messages) > MaxMessages {
		return nil, wireFull("messages", MaxMessages)
	}
	for _, text := range messages {
		m, err := hl7.Parse(text)
		if errors.Is(err, hl7.ErrTooMany) {
			return nil, wireFull("segments", hl7.MaxSegments)
		}
		if err != nil {
			return nil, &Error{Code: CodeDamaged, Line: line + 1, Offset: -1, Value: cut(text), Want: want(wantHL7), Err: err}
		}
		d := hl7Decoder{rules: rules, m: m, line: line}
		if total += strings.Count(text, "OBX"); total > MaxReadings {
			return nil, wireFull("obx", MaxReadings)
		}
		run := d.decode()
		line += len(m.Segments)
		if len(run.Readings) > 0 {
			runs = append(runs, run)
		} else if refused == nil {
			refused = d.what()
		}
	}
	if len(runs) == 0 {
		return nil, refused
	}
	runs[0].Notes = append(w.notes, runs[0].Notes...)
	return runs, nil
}

// hl7Decoder walks over the segments of one message once.
type hl7Decoder struct {
	rules    hl7Rules
	m        hl7.Parsed
	line     int
	run      pcr.Run
	last     bool        // specimens come after their results
	spm      bool        // there are specimens
	group    int         // first reading of the order group
	specimen pcr.Reading // Sample and Task for readings to come
	ids      string      // sample id of the OBR, where there is no SPM
	inOBX    bool        // an OBX has come since the last OBR
	rejected bool        // the order of this group was
	reason   string
	refusal  string // of the first rejected order
}

func (d *hl7Decoder) decode() pcr.Run {
	first := ""
	n := 0
	for _, s := range d.m.Segments {
		switch hl7.ID(s) {
		case "OBX":
			n++
		case "SPM", "OBR":
			first = or(first, hl7.ID(s))
			d.spm = d.spm || hl7.ID(s) == "SPM"
		}
	}
	d.last = first == "OBR"
	d.run.Readings = make([]pcr.Reading, 0, n)
	sender := d.m.Field("MSH", 3)
	d.run.Instrument, d.run.Software = d.m.D.First(sender), d.m.D.Unescape(d.m.D.Part(sender, 3))
	if d.rules.header != nil {
		d.rules.header(&d.run, d.m)
	}
	for _, s := range d.m.Segments {
		d.line++
		d.segment(s)
	}
	d.close()
	return d.run
}

func (d *hl7Decoder) segment(s string) {
	switch hl7.ID(s) {
	case "OBR":
		d.close()
		d.order(s)
	case "SPM":
		d.sample(s)
	case "SAC":
		if d.specimen.Sample == "" && !d.last {
			d.specimen.Sample = d.id(d.m.D.At(s, 3))
		}
		d.carrier(s)
	case "OBX":
		d.inOBX = true
		d.reading(s)
	case "NTE":
		d.remark(s)
	case "INV":
		// Before the order an INV of type CO names the control that the specimen is; after a result it is a reagent.
		if !d.inOBX && d.m.D.Part(d.m.D.At(s, 3), 1) == "CO" {
			d.specimen.Task = d.m.D.First(d.m.D.At(s, 1))
		}
	}
	if d.inOBX && d.rules.other != nil {
		d.rules.other(d, s)
	}
}

// id is an identifier: the first subcomponent of its first component, or of the next where that is empty; "" and `""` are none.
func (d *hl7Decoder) id(field string) string {
	for c := 1; c <= 2; c++ {
		if s := trim(d.m.D.First(d.m.D.Part(field, c))); s != "" && s != `""` {
			return s
		}
	}
	return ""
}

// carrier takes plate and well from SAC-10 and SAC-11 (HL7 2.5.1 13.4.3). A rack has positions that are no wells: it is no plate.
func (d *hl7Decoder) carrier(s string) {
	if p, err := plate.ParsePos(d.id(d.m.D.At(s, 11))); err == nil {
		d.specimen.Plate, d.specimen.Well = d.id(d.m.D.At(s, 10)), p.String()
	}
}

func (d *hl7Decoder) order(s string) {
	d.group, d.inOBX = len(d.run.Readings), false
	d.ids = d.id(d.m.D.At(s, 3))
	if d.ids == "" {
		d.ids = d.id(d.m.D.At(s, 2))
	}
	d.rejected, d.reason = d.m.D.At(s, 25) == "X", ""
}

// sample takes a specimen. Where specimens come last it belongs to the results of its own order group only: a group
// without one must never borrow its neighbour's.
func (d *hl7Decoder) sample(s string) {
	g := pcr.Reading{Sample: d.id(d.m.D.At(s, 2))}
	if role := d.m.D.First(d.m.D.At(s, 11)); role != "P" && role != "U" {
		g.Task = role
	}
	if !d.last {
		d.close()
		d.specimen, d.inOBX = g, false
		return
	}
	d.ids = or(g.Sample, d.ids)
	for i := d.group; i < len(d.run.Readings); i++ {
		r := &d.run.Readings[i]
		if r.Sample == "" {
			r.Sample, r.Task = g.Sample, or(r.Task, g.Task)
		}
	}
	d.group = len(d.run.Readings)
}

// close ends an order group: results that no SPM claims take the order's own sample id.
func (d *hl7Decoder) close() {
	if d.last || !d.spm {
		for i := d.group; i < len(d.run.Readings); i++ {
			if d.run.Readings[i].Sample == "" {
				d.run.Readings[i].Sample = d.ids
			}
		}
	}
	if d.rejected && !d.inOBX {
		d.refusal = or(d.refusal, "order rejected: "+d.reason)
		d.note("order.rejected", trim(or(d.specimen.Sample, d.ids)+" "+d.reason))
	}
	d.rejected = false
	d.group = len(d.run.Readings)
}

// hl7Fields is how many fields of an OBX are told apart.
const hl7Fields = 25

func (d *hl7Decoder) reading(s string) {
	var f [hl7Fields + 1]string
	split(s, d.m.D.Field, &f)
	d.straighten(&f)
	g := pcr.Reading{Line: d.line, State: pcr.Blank, Plate: d.specimen.Plate, Well: d.specimen.Well, Sample: d.specimen.Sample, Task: d.specimen.Task, Status: f[11], At: f[19]}
	g.Target = d.m.D.Join(f[3])
	if f[4] != "" {
		g.Target += "#" + f[4]
	}
	if f[5] != `""` {
		g.Value = d.m.D.Unescape(trim(f[5]))
	}
	g.Unit = d.unit(f[6])
	plain := strings.Trim(g.Value, "^")
	if endsWithCt(g.Target) || isCqUnit(g.Unit) {
		if !setCq(&g, plain) {
			d.note("cq.unreadable", g.Sample+" "+g.Target+": "+g.Value)
		}
	} else {
		setCall(&g, plain)
	}
	d.flags(&g, f[8])
	if d.rules.result != nil {
		d.rules.result(d, &g, s)
	}
	d.run.Readings = append(d.run.Readings, g)
	d.device(&f)
}

// split cuts a segment into fields; f[0] is its name.
func split(s string, sep byte, f *[hl7Fields + 1]string) {
	for n := range f {
		i := strings.IndexByte(s, sep)
		if i < 0 {
			f[n] = s
			return
		}
		f[n], s = s[:i], s[i+1:]
	}
}

// unit is OBX-6: the code, or the text where the code is empty ("^Copies/mL").
func (d *hl7Decoder) unit(field string) string {
	if field == "" || field == `""` {
		return ""
	}
	return d.m.D.Unescape(or(d.m.D.Part(field, 1), d.m.D.Part(field, 2)))
}

// flags shows abnormal flags and the reasons of a failed result (OBX-8, OBX-11 = X).
func (d *hl7Decoder) flags(g *pcr.Reading, field string) {
	code := "result.flag"
	if g.Status == "X" {
		code = "result.failed"
		g.Call = or(g.Call, "FAILED")
	} else if code := d.m.D.First(field); code == "" || code == `""` || code == "N" || d.rules.quiet[code] {
		return
	}
	d.note(code, trim(g.Sample+" "+g.Target+": "+d.m.D.Unescape(field)))
}

// straighten puts OBX-16 operator, OBX-18 instrument and OBX-19 time in their places: some devices leave one field out,
// so that all three stand one place further left.
func (d *hl7Decoder) straighten(f *[hl7Fields + 1]string) {
	if f[19] == "" && strings.IndexByte(f[17], d.m.D.Component) >= 0 && len(f[18]) >= 8 && digits(f[18][:8]) {
		f[16], f[17], f[18], f[19] = f[15], "", f[17], f[18]
	}
}

// device takes the facts of the run from its first result that has them.
func (d *hl7Decoder) device(f *[hl7Fields + 1]string) {
	op, device, at := f[16], f[18], or(f[19], f[14])
	if d.run.Operator == "" && op != "" {
		d.run.Operator = d.id(op)
	}
	if d.run.Ended.Text == "" {
		d.run.Ended = hl7Time(at)
	}
	if d.run.Serial != "" || device == "" {
		return
	}
	reps := strings.Split(device, string(rune(d.m.D.Repeat)))
	if model := d.m.D.First(reps[0]); model != "" && d.m.D.Part(reps[0], 2) != "" {
		d.run.Instrument = model
		if len(reps) > 1 {
			d.run.Serial = d.m.D.First(reps[1])
		}
	}
}

func (d *hl7Decoder) remark(s string) {
	text := trim(d.m.D.Unescape(d.m.D.At(s, 3)))
	if strings.Trim(text, "^ ") == "" {
		return
	}
	if d.rejected && !d.inOBX {
		d.reason = or(d.reason, text)
		return
	}
	d.note("comment", text)
}

func (d *hl7Decoder) note(code, text string) {
	if len(d.run.Notes) < maxNotes {
		d.run.Notes = append(d.run.Notes, pcr.Note{Line: d.line, Code: code, Text: clip(text)})
	}
}

// what says what a message without results is.
func (d *hl7Decoder) what() error {
	if d.refusal != "" {
		return noResults(d.refusal, want(wantRejected))
	}
	return noResults(d.m.Field("MSH", 9), want(wantOther))
}

// hl7Time reads YYYYMMDD[HH[MM[SS[.S…]]]][+ZZZZ]. Without a zone the instant is not known.
func hl7Time(s string) pcr.Stamp {
	st := pcr.Stamp{Text: s}
	i := strings.IndexAny(s, "+-")
	if i < 8 {
		return st
	}
	digits, zone := s[:i], s[i:]
	digits, _, _ = strings.Cut(digits, ".")
	layout := "20060102150405"
	if len(digits) > len(layout) || len(zone) != 5 {
		return st
	}
	if t, err := time.Parse(layout[:len(digits)]+"-0700", digits+zone); err == nil {
		st.Time = t.UTC()
	}
	return st
}
