package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"natlims/instruments"
	"natlims/lims"
	"natlims/lims/store"
)

// mappingPage describes the table that an instrument writes, with what the description makes of a file.
type mappingPage struct {
	Instrument store.Instrument
	Mapping    instruments.Mapping
	Version    int // that the form was opened with
	Versions   []store.MappingVersion
	Messages   []store.MessageRow // to try it on
	Tried      string             // name of the file that was tried
	Preview    *instruments.Preview
	Wrong      *notice // why the preview could not be read to its end
	Encodings  []string
}

// previewRows is the number of readings that a preview shows.
const previewRows = 20

var encodings = []string{"utf-8", "utf-16le", "utf-16be", "gb18030", "windows-1251", "latin-1"}

func (s *site) mapping(v *visit) error {
	p, err := s.mappingPage(v)
	if err != nil {
		return err
	}
	if len(p.Versions) > 0 && p.Versions[0].Body != "" && v.r.Method == http.MethodGet {
		m, err := instruments.ReadMapping([]byte(p.Versions[0].Body))
		if err != nil {
			return lims.Wrap(lims.Broken, "mapping.wrong", err)
		}
		p.Mapping = m
	}
	return v.show("mapping", p)
}

func (s *site) mappingPage(v *visit) (p mappingPage, err error) {
	ctx := v.r.Context()
	p.Encodings = encodings
	if p.Instrument, err = s.st.InstrumentIn(ctx, v.scope(), v.id("instrument")); err != nil {
		return p, err
	}
	if p.Versions, err = s.st.Mappings(ctx, p.Instrument.ID); err != nil {
		return p, err
	}
	if len(p.Versions) > 0 {
		p.Version = p.Versions[0].Version
	}
	if v.r.Method != http.MethodGet {
		if err := v.multipart(); err != nil {
			return p, err
		}
		p.Mapping, p.Version = mappingOf(v), int(v.id("version"))
	}
	p.Messages, err = s.st.InstrumentMessages(ctx, p.Instrument.ID, 20)
	return p, err
}

// multipart reads a form with a file, within the limit of every form.
func (v *visit) multipart() error {
	if !strings.HasPrefix(v.r.Header.Get("Content-Type"), "multipart/form-data") || v.r.MultipartForm != nil {
		return nil
	}
	var large *http.MaxBytesError
	switch err := v.r.ParseMultipartForm(maxBody); {
	case errors.As(err, &large):
		return lims.E(lims.Invalid, "request.large", lims.Args{"max": maxBody >> 20})
	case err != nil:
		return lims.E(lims.Invalid, "request.unreadable", nil)
	}
	v.Form = v.r.Form
	return nil
}

// mappingOf reads the form.
func mappingOf(v *visit) instruments.Mapping {
	number := func(name string) int {
		n, err := strconv.Atoi(v.field(name))
		if err != nil && v.field(name) != "" {
			return -1 // Check says what is expected
		}
		return n
	}
	return instruments.Mapping{Name: v.field("name"), Title: v.field("title"), Sheet: v.field("sheet"), Header: words(v.field("header")), Row: number("row"),
		Columns: instruments.Columns{Well: v.field("well"), Sample: v.field("sample"), Target: v.field("target"), Dye: v.field("dye"), Cq: v.field("cq"),
			Call: v.field("call"), Task: v.field("task"), Omit: v.field("omit")},
		None: words(v.field("none")), Empty: v.field("empty"), Zero: v.field("zero") != "", Decimal: v.field("decimal"), Encoding: v.field("encoding"),
		Delimiter: v.field("delimiter"), Wells: number("wells")}
}

// words cuts a list of words; a line end or a vertical bar stands between two, since header words may hold commas.
func words(text string) (out []string) {
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' || r == '|' }) {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// tryMapping shows what the description makes of an uploaded file, or of a message that is kept; looking at that is on record.
func (s *site) tryMapping(v *visit) error {
	p, err := s.mappingPage(v)
	if err != nil {
		return err
	}
	f, err := s.tried(v, p)
	if err != nil {
		return err
	}
	if err := p.Mapping.Check(); err != nil {
		return wrongMapping(err)
	}
	preview, err := p.Mapping.Preview(f, previewRows)
	p.Preview, p.Tried = &preview, f.Name
	var e *instruments.Error
	switch {
	case errors.As(err, &e):
		p.Wrong = &notice{Code: e.Code, Text: e.Text(v.Lang)}
	case err != nil:
		return err
	}
	return v.show("mapping", p)
}

// wrongMapping is the refusal of a description, with the field and what is expected in it.
func wrongMapping(err error) error {
	var e *instruments.Error
	if !errors.As(err, &e) {
		return err
	}
	return lims.E(lims.Invalid, e.Code, e.Args())
}

// tried is the file that a description is tried on.
func (s *site) tried(v *visit, p mappingPage) (*instruments.File, error) {
	if v.r.MultipartForm != nil && len(v.r.MultipartForm.File["file"]) > 0 {
		h := v.r.MultipartForm.File["file"][0]
		f, err := h.Open()
		if err != nil {
			return nil, lims.E(lims.Invalid, "request.unreadable", nil)
		}
		defer f.Close()
		raw, err := io.ReadAll(io.LimitReader(f, maxBody))
		if err == nil && len(raw) > 0 {
			return &instruments.File{Name: h.Filename, Raw: raw}, nil
		}
	}
	id := v.id("message")
	for _, m := range p.Messages {
		if m.ID == id {
			raw, err := s.st.MessageBytes(v.r.Context(), v.Actor, id)
			return &instruments.File{Name: m.Name, Raw: raw}, err
		}
	}
	return nil, lims.E(lims.Invalid, "mapping.no_file", nil)
}

func (s *site) saveMapping(v *visit) error {
	if err := v.multipart(); err != nil {
		return err
	}
	m := mappingOf(v)
	if err := m.Check(); err != nil {
		return wrongMapping(err)
	}
	if _, err := instruments.Find(m.Name); err == nil {
		return lims.E(lims.Invalid, "mapping.name", lims.Args{"got": m.Name})
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.putMapping(v, string(b), "mapping.saved")
}

// dropMapping takes the description back: files are recognised by their content again.
func (s *site) dropMapping(v *visit) error { return s.putMapping(v, "", "mapping.dropped") }

func (s *site) putMapping(v *visit, body, done string) error {
	id := v.id("instrument")
	if err := s.st.SaveMapping(v.r.Context(), v.Actor, id, int(v.id("version")), body); err != nil {
		return err
	}
	return v.done("/instruments/"+strconv.FormatInt(id, 10)+"/mapping", done, nil)
}
