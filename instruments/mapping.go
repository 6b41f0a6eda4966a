package instruments

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Mapping is a table layout that a laboratory describes itself, for an instrument that has no driver.
type Mapping struct {
	Name      string   `json:"name"`      // of the driver: lower case letters, digits and hyphens
	Title     string   `json:"title"`     // for people
	Sheet     string   `json:"sheet"`     // regular expression of the sheet or section; empty: any
	Header    []string `json:"header"`    // words that the header row holds, all of them; empty: a well word and a Cq word
	Row       int      `json:"row"`       // header row, counted from 1, where its words are not stable; 0: found by Header
	Columns   Columns  `json:"columns"`   //
	None      []string `json:"none"`      // words for "no Cq" beside the usual ones
	Empty     string   `json:"empty"`     // what an empty Cq says: "empty" (nothing, default) or "none"
	Zero      bool     `json:"zero"`      // a Cq of 0 or less says "none"
	Decimal   string   `json:"decimal"`   // "." or ","; empty: decided by the whole column
	Encoding  string   `json:"encoding"`  // utf-8, utf-16le, utf-16be, gb18030, windows-1251, latin-1; empty: decided by content
	Delimiter string   `json:"delimiter"` // "tab", ";" or ","; empty: decided by content
	Wells     int      `json:"wells"`     // 96 or 384 where wells are numbers; 0: positions or tubes
}

// Columns names each column by its header word, or by its place: "#3" is the third column.
type Columns struct {
	Well   string `json:"well"`
	Sample string `json:"sample"`
	Target string `json:"target"`
	Dye    string `json:"dye"`
	Cq     string `json:"cq"`
	Call   string `json:"call"`
	Task   string `json:"task"`
	Omit   string `json:"omit"`
}

// MaxMapping is the largest mapping that is read, in bytes.
const MaxMapping = 64 << 10

// ReadMapping reads a mapping from JSON. Unknown fields are refused: they are misspelt ones.
func ReadMapping(b []byte) (Mapping, error) {
	var m Mapping
	if len(b) > MaxMapping {
		return m, wrong(strconv.Itoa(len(b)), Want{Code: "M10", N: MaxMapping})
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, &Error{Code: CodeMapping, Offset: -1, Want: want("M11"), Err: err}
	}
	return m, m.Check()
}

var mappingName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// wrong is what is wrong with a mapping.
func wrong(value string, w Want) error {
	return &Error{Code: CodeMapping, Offset: -1, Value: cut(value), Want: w}
}

// Check says what is wrong with a mapping: an *Error of CodeMapping, for the person who wrote it.
func (m Mapping) Check() error {
	switch {
	case !mappingName.MatchString(m.Name):
		return wrong(m.Name, want("M1"))
	case m.Decimal != "" && m.Decimal != "." && m.Decimal != ",":
		return wrong(m.Decimal, want("M2"))
	case m.Empty != "" && m.Empty != "empty" && m.Empty != "none":
		return wrong(m.Empty, want("M3"))
	case m.Row < 0 || m.Row > MaxRows:
		return wrong(strconv.Itoa(m.Row), Want{Code: "M4", N: MaxRows})
	case m.Wells != 0 && m.Wells != 96 && m.Wells != 384:
		return wrong(strconv.Itoa(m.Wells), want("M5"))
	case m.Encoding != "" && decoders[m.Encoding] == nil:
		return wrong(m.Encoding, want("M6", slices.Sorted(maps.Keys(decoders))...))
	case !slices.Contains([]string{"", "tab", ";", ","}, m.Delimiter):
		return wrong(m.Delimiter, want("M7"))
	}
	if _, err := regexp.Compile(m.Sheet); err != nil {
		return wrong(m.Sheet, want("M8"))
	}
	for _, c := range m.Columns.all() {
		if n, ok := strings.CutPrefix(c, "#"); ok {
			if i, err := strconv.Atoi(n); err != nil || i < 1 || i > MaxRow {
				return wrong(c, Want{Code: "M9", N: MaxRow})
			}
		}
	}
	return nil
}

func (c Columns) all() []string {
	return []string{c.Well, c.Sample, c.Target, c.Dye, c.Cq, c.Call, c.Task, c.Omit}
}

// Driver makes the driver of a mapping. It is not in All: the caller keeps it with the instrument that it belongs to.
func (m Mapping) Driver() (Driver, error) {
	if err := m.Check(); err != nil {
		return Driver{}, err
	}
	return Driver{Name: m.Name, Title: first(m.Title, m.Name), Wire: WireFile,
		Sniff: func(f *File) int {
			if h, ok := m.head(m.open(f)); ok && (len(m.Header) > 0 || m.Row > 0) && h.Row+1 < len(h.rows) {
				return 99 // the laboratory has described exactly this table
			}
			return 0
		},
		Decode: func(f *File) ([]pcr.Run, error) { return m.decode(m.open(f)) }}, nil
}

// Preview is what a mapping makes of a file, for the page on which it is written.
type Preview struct {
	Encoding string        // of the text; empty for a workbook
	Sheets   []string      // names of sheets or sections
	Line     int           // of the header row; 0 none found
	Header   []string      // as written
	Missing  []string      // columns of the mapping that the header does not have
	Readings []pcr.Reading // the first ones
	Total    int           // of readings
	Notes    []pcr.Note
}

// Preview reads a file with the mapping and gives the first n readings. It is useful even where the error is not nil.
func (m Mapping) Preview(f *File, n int) (Preview, error) {
	var p Preview
	if err := m.Check(); err != nil {
		return p, err
	}
	f = m.open(f)
	if t, err := f.Text(); err == nil && !f.Workbook() {
		p.Encoding = t.Encoding
	}
	tables, err := f.Tables()
	if err != nil {
		return p, err
	}
	for _, t := range tables {
		p.Sheets = append(p.Sheets, t.Name)
	}
	h, ok := m.head(f)
	if !ok {
		return p, nothing(m.Name, 0, want(wantHead))
	}
	p.Line, p.Header = h.Line, h.Names
	for _, c := range m.Columns.all() {
		if c != "" && place(h.Header, c) < 0 {
			p.Missing = append(p.Missing, c)
		}
	}
	runs, err := m.decode(f)
	if len(runs) > 0 {
		p.Total, p.Notes = len(runs[0].Readings), runs[0].Notes
		p.Readings = runs[0].Readings[:min(n, p.Total)]
	}
	return p, err
}

// open gives the file with the encoding and delimiter of the mapping.
func (m Mapping) open(f *File) *File {
	if m.Encoding == "" && m.Delimiter == "" || f.Workbook() {
		return f
	}
	g := &File{Name: f.Name, Raw: f.Raw}
	t, err := f.Text()
	if decode := decoders[m.Encoding]; decode != nil {
		t, err = linesOf(decode(f.Raw), m.Encoding)
	}
	_, _ = view(g, "text", func(*File) (Text, error) { return t, err })
	if sep := map[string]byte{"tab": '\t', ";": ';', ",": ','}[m.Delimiter]; sep != 0 && err == nil {
		_, _ = view(g, "tables", func(*File) ([]*Table, error) {
			return []*Table{NewTable("", func() ([]Row, error) { return SplitRows(t.Lines, 1, sep) })}, nil
		})
	}
	return g
}

// head finds the header row in the sheets of the mapping.
func (m Mapping) head(f *File) (found, bool) {
	tables, err := f.Tables()
	if err != nil {
		return found{}, false
	}
	sheet, err := regexp.Compile(m.Sheet)
	if err != nil {
		return found{}, false
	}
	for _, t := range tables {
		if !sheet.MatchString(t.Name) {
			continue
		}
		rows, err := t.Rows()
		if err != nil {
			continue
		}
		for i, r := range rows {
			if m.Row > 0 && r.Line == m.Row {
				return found{t, rows, newHeader(i, r)}, true
			}
			if m.Row > 0 || len(r.Cells) < 2 {
				continue
			}
			if h := newHeader(i, r); len(m.Header) > 0 && h.Has(m.Header...) || len(m.Header) == 0 && m.place(h, m.Columns.Well, h.Well()) >= 0 && m.place(h, m.Columns.Cq, h.Cq()) >= 0 {
				return found{t, rows, h}, true
			}
		}
	}
	return found{}, false
}

// place is the column of the mapping, or the one found by its word.
func (m Mapping) place(h Header, column string, found int) int {
	if column == "" {
		return found
	}
	if strings.HasPrefix(column, "#") && found < 0 {
		return -1 // a place alone does not make a row a header
	}
	return place(h, column)
}

// place is the column of a word or of "#3", -1 where there is none.
func place(h Header, column string) int {
	if n, ok := strings.CutPrefix(column, "#"); ok {
		i, err := strconv.Atoi(n)
		if err != nil || i > len(h.Names) && i > MaxRow {
			return -1
		}
		return i - 1
	}
	if column == "" {
		return -1
	}
	return h.Col(column)
}

func (m Mapping) decode(f *File) ([]pcr.Run, error) {
	h, ok := m.head(f)
	if !ok {
		return nil, nothing(m.Name, 0, want(wantHead))
	}
	l := newLong(h.Header)
	c := m.Columns
	l.well, l.cq = pick(place(h.Header, c.Well), h.Well()), pick(place(h.Header, c.Cq), h.Cq())
	l.sample, l.target, l.dye = place(h.Header, c.Sample), place(h.Header, c.Target), place(h.Header, c.Dye)
	l.call, l.task, l.omit = place(h.Header, c.Call), place(h.Header, c.Task), place(h.Header, c.Omit)
	l.rule.Zero, l.rule.Words = m.Zero, map[string]bool{}
	for _, w := range m.None {
		l.rule.Words[key(w)] = true
	}
	if m.Empty == "none" {
		l.rule.Empty = pcr.NoCq
	}
	if m.Decimal != "" {
		l.mark = Mark(m.Decimal[0])
	}
	if f, ok := plate.FormatOf(m.Wells); ok {
		l.plate = f
	} else {
		l.rotor = true
	}
	if l.well < 0 || l.cq < 0 {
		return nil, nothing(m.Name, h.Line, want(wantPlaces))
	}
	return h.run(pcr.Run{Instrument: first(m.Title, m.Name)}, l)
}
