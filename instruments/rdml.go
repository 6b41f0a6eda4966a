package instruments

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"

	"natlims/instruments/unpack"
	"natlims/lims/pcr"
)

// RDML 1.0 to 1.4 (rdml.org): XML, mostly in a zip archive under any name. What is read:
//
//	rdml > sample@id, target@id, experiment@id > run@id > react@id > data > tar@id, cq, excl, adp (cyc, tmp, fluor)
//
// The standard has no word for "no Cq"; each program writes its own: StepOne the number of cycles, LightCycler 96 the number
// 100, rdml-tools -1, Bio-Rad no cq element at all (which is silence and stays "empty"). A file without any cq is refused.
const rdmlEntry = "rdml_data.xml"

// The limits of a document. The largest chips have 3,072 reactions.
const (
	maxReadings = 100_000 // reactions x targets, samples, targets
	maxRuns     = 1000
)

// tooMany refuses a document with more parts than any instrument writes.
func tooMany(what string, limit int) error {
	return &Error{Code: CodeTooLarge, Offset: -1, Value: what, Want: atMost(limit, "parts")}
}

func init() {
	register(Driver{
		Name: "rdml", Title: "RDML 1.0-1.4 (StepOne, CFX, LightCycler 96, rdml-tools and others)", Wire: WireFile, Verified: true,
		Sniff: sniffRDML, Decode: decodeRDML,
	})
}

func sniffRDML(f *File) int {
	if isRDML(f.Raw[:min(len(f.Raw), 2048)]) {
		return 95
	}
	if _, err := view(f, "rdml", findRDML); err == nil {
		return 95
	}
	return 0
}

// findRDML is the entry whose root element is rdml: Bio-Rad names it after the file.
func findRDML(f *File) (unpack.Entry, error) {
	a, err := f.archive()
	if err != nil {
		return unpack.Entry{}, err
	}
	if e, ok := a.Find(rdmlEntry); ok {
		return e, nil
	}
	for i, e := range a.Entries {
		if i == 100 { // a workbook or an experiment document has many parts, an RDML archive a handful
			break
		}
		if !strings.HasSuffix(strings.ToLower(e.Name), ".xml") && len(a.Entries) > 1 {
			continue
		}
		if b, err := a.Head(e, 2048); err == nil && isRDML(b) {
			return e, nil
		}
	}
	return unpack.Entry{}, unpack.ErrNotFound
}

// isRDML looks for the root element behind declaration and comments.
func isRDML(b []byte) bool {
	if bytes.IndexByte(b, 0) >= 0 { // UTF-16
		b = bytes.ReplaceAll(b, []byte{0}, nil)
	}
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 || i+1 >= len(b) {
			return false
		}
		b = b[i+1:]
		if b[0] == '?' || b[0] == '!' {
			continue
		}
		n := bytes.IndexAny(b, " \t\r\n>/")
		if n < 0 {
			return false
		}
		name := b[:n]
		if c := bytes.IndexByte(name, ':'); c >= 0 {
			name = name[c+1:]
		}
		return string(name) == "rdml"
	}
}

func decodeRDML(f *File) ([]pcr.Run, error) {
	raw := f.Raw
	d := rdml{samples: map[string]rdmlSample{}, targets: map[string]rdmlTarget{}}
	var notes []pcr.Note
	if unpack.IsZip(raw) {
		e, err := view(f, "rdml", findRDML)
		if errors.Is(err, unpack.ErrNotFound) {
			return nil, &Error{Code: CodeUnknown, Offset: -1, Want: want(wantArchive, "rdml")}
		}
		if err != nil {
			return nil, unpackError(err)
		}
		a, err := f.archive()
		if err != nil {
			return nil, unpackError(err)
		}
		if raw, err = a.Read(e); err != nil {
			return nil, unpackError(err)
		}
		d.lc96, notes = openLC96(a)
	}
	text, err := unpack.XMLText(raw)
	if err != nil {
		return nil, unpackError(err)
	}
	d.s = unpack.NewScanner(text)
	if err := d.document(); err != nil {
		return nil, unpackError(err)
	}
	runs, err := d.finish()
	if len(runs) > 0 {
		runs[0].Notes = append(runs[0].Notes, notes...)
	}
	return runs, err
}

type rdmlSample struct{ name, kind string }
type rdmlTarget struct{ name, dye string }

// rdml reads one document. Samples and targets may stand before or behind the experiments, so names are given at the end.
type rdml struct {
	s       *unpack.Scanner
	samples map[string]rdmlSample
	targets map[string]rdmlTarget
	maker   string // publisher of the document
	lc96    lc96   // beside a document of LightCycler 96
	runs    []*rdmlRun
	cqs     int // cq elements seen
	parts   int // data elements seen
	melts   int // points of melting seen
	repeats int // of the longest loop in any protocol
}

func (d *rdml) document() error {
	k, err := d.s.Next()
	if err != nil {
		return err
	}
	if k != unpack.Start || d.s.Name != "rdml" {
		return &Error{Code: CodeUnknown, Offset: -1, Value: cut(d.s.Name), Want: want(wantRoot, "rdml")}
	}
	return d.children(func(name string) error {
		switch name {
		case "sample":
			return d.sample()
		case "target":
			return d.target()
		case "experiment":
			return d.experiment()
		case "thermalCyclingConditions":
			return d.protocol()
		case "id":
			return d.children(func(name string) error {
				if name != "publisher" {
					return d.s.Skip()
				}
				v, err := d.s.Value()
				d.maker = first(d.maker, v)
				return err
			})
		}
		return d.s.Skip()
	})
}

// children calls fn at the start of each element inside the one that has just started; fn reads it to its end.
func (d *rdml) children(fn func(name string) error) error {
	for depth := d.s.Depth(); ; {
		k, err := d.s.Next()
		switch {
		case err != nil:
			return err
		case k == 0 || k == unpack.End && d.s.Depth() < depth:
			return nil
		case k == unpack.Start:
			if err := fn(d.s.Name); err != nil {
				return err
			}
		}
	}
}

// protocol finds the longest loop (step > loop > repeat).
func (d *rdml) protocol() error {
	return d.children(func(name string) error {
		if name != "step" {
			return d.s.Skip()
		}
		return d.children(func(name string) error {
			if name != "loop" {
				return d.s.Skip()
			}
			var repeat string
			err := d.texts(map[string]*string{"repeat": &repeat})
			if n, e := strconv.Atoi(repeat); e == nil && n <= maxCycles {
				d.repeats = max(d.repeats, n)
			}
			return err
		})
	})
}

// texts reads the named children of the element that has just started.
func (d *rdml) texts(to map[string]*string) error {
	return d.children(func(name string) error {
		p := to[name]
		if p == nil {
			return d.s.Skip()
		}
		id, err := d.s.Attr("id") // dyeId is an element with text in 1.0 and with an attribute from 1.1 on
		if err != nil {
			return err
		}
		v, err := d.s.Value()
		if *p == "" {
			*p = first(strings.TrimSpace(v), id)
		}
		return err
	})
}

func (d *rdml) sample() error {
	id, err := d.s.Attr("id")
	if err != nil {
		return err
	}
	var about, kind string
	if err := d.texts(map[string]*string{"description": &about, "type": &kind}); err != nil {
		return err
	}
	name := id
	if uuidLike(id) { // LightCycler 96; a well without sample has no description
		name = about
	}
	if len(d.samples) == maxReadings {
		return tooMany("samples", maxReadings)
	}
	d.samples[id] = rdmlSample{strings.TrimSpace(name), kind}
	return nil
}

func (d *rdml) target() error {
	id, err := d.s.Attr("id")
	if err != nil {
		return err
	}
	var about, dye string
	if err := d.texts(map[string]*string{"description": &about, "dyeId": &dye}); err != nil {
		return err
	}
	name := id
	if i := strings.LastIndexByte(id, '@'); i >= 0 && (uuidLike(id[i+1:]) || id[:i] == dye) && about != "" { // LightCycler 96: "FAM@uuid"
		name = about
		dye = first(dye, id[:i])
	} else if uuidLike(id) && about != "" {
		name = about
	}
	if len(d.targets) == maxReadings {
		return tooMany("targets", maxReadings)
	}
	d.targets[id] = rdmlTarget{strings.TrimSpace(name), dye}
	return nil
}

// uuidLike recognises "1c76448f-03d2-453f-8628-d764e1ca1d55", with or without its dashes.
func uuidLike(s string) bool {
	n := 0
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		switch {
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'f':
			n++
		case s[i] != '-' && s[i] != '{' && s[i] != '}':
			return false
		}
	}
	return n == 32
}

// finish names wells, samples and targets and says what each number means to the program that wrote it.
func (d *rdml) finish() ([]pcr.Run, error) {
	var runs []pcr.Run
	var last *rdmlRun
	readings := 0
	for _, r := range d.runs {
		r.finish(d)
		readings += len(r.run.Readings)
		if last != nil && last.joins(r) {
			last.join(r, &runs[len(runs)-1])
			continue
		}
		if len(r.run.Readings) > 0 || len(r.run.Curves) > 0 {
			runs = append(runs, r.run)
			last = r
		}
	}
	if d.cqs == 0 && d.melts > 0 && !amplified(runs) {
		return nil, melted(0)
	}
	if readings == 0 || d.cqs == 0 {
		return curvesOnly(runs), &Error{Code: CodeNoResults, Offset: -1, Want: Want{Code: wantCq, N: readings}}
	}
	return runs, nil
}

// amplified says whether any run holds a curve of amplification.
func amplified(runs []pcr.Run) bool {
	return slices.ContainsFunc(runs, func(r pcr.Run) bool { return len(r.Curves) > 0 })
}

// curvesOnly keeps what a file without results still shows.
func curvesOnly(runs []pcr.Run) []pcr.Run {
	for i := range runs {
		runs[i].Readings = nil
	}
	return runs
}
