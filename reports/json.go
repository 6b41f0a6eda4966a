package reports

import (
	"bytes"
	"encoding/json"
	"time"
)

// JSONSchema names the shape of the JSON report. Within v1 fields are only added; a field that changes its meaning makes v2.
const JSONSchema = "natlims.report/v1"

func init() {
	register(Format{Name: "json", Title: "JSON " + JSONSchema, Type: "application/json", Ext: "json", Render: renderJSON})
}

// jsonReport is the wire form. Instants are RFC 3339 in UTC to the second, null where unknown; texts are {"zh","en"};
// empty strings and zero counts are left out, except where a comment says "always".
type jsonReport struct {
	Schema     string       `json:"schema"`    // always
	Report     string       `json:"report_id"` // always
	Version    int          `json:"version"`   // always; of the report
	Issued     *instant     `json:"issued"`    // always
	Drill      bool         `json:"drill"`     // always; true: an exercise, no real results
	Language   string       `json:"language"`  // always; of the printed forms of this report
	Line       string       `json:"line,omitempty"`
	Exporter   string       `json:"exporter,omitempty"`
	Lab        jsonUnit     `json:"lab"`        // always
	Department jsonUnit     `json:"department"` // always
	Results    []jsonResult `json:"results"`    // always, at least one
}

type jsonUnit struct {
	Code    string `json:"code"`
	Name    Text   `json:"name"`
	Address string `json:"address,omitempty"`
	Phone   string `json:"phone,omitempty"`
	Form    string `json:"form,omitempty"`
}

type jsonResult struct {
	OrderID    string      `json:"order_id"`                   // always; the department's own id
	OrderNo    int64       `json:"order_no"`                   // always; the laboratory's number
	Version    int         `json:"version"`                    // always; of the result
	Corrected  bool        `json:"corrected"`                  // always; true: this result replaces one that was released and wrong
	Replaces   string      `json:"replaces,omitempty"`         // the report that it was in
	ReplacesV  int         `json:"replaces_version,omitempty"` // its version
	Reason     string      `json:"reason,omitempty"`           // why it was wrong
	ReplacedBy string      `json:"replaced_by,omitempty"`      // the report that corrects this one, where it was printed again since
	Item       Text        `json:"item"`                       // always
	Call       string      `json:"call"`                       // always; code
	CallText   Text        `json:"call_text"`                  // always
	Subject    jsonSubject `json:"subject"`                    // always
	Sample     jsonSample  `json:"sample"`                     // always
	Arms       []jsonArm   `json:"arms"`                       // always, may be empty

	Instrument string             `json:"instrument,omitempty"`
	CheckedBy  string             `json:"checked_by"`  // always; first signature
	ReleasedBy string             `json:"released_by"` // always; second signature
	ReviewedAt *instant           `json:"reviewed_at"` // always; second signature of this version
	Times      map[string]instant `json:"times"`       // always; "t0" … "t9", unknown ones left out
	ClockA     *int               `json:"clock_a_minutes,omitempty"`
	ClockB     *int               `json:"clock_b_minutes,omitempty"`
	Notes      []Text             `json:"notes,omitempty"`
	Remark     string             `json:"remark,omitempty"`
	Verify     string             `json:"verify,omitempty"`
}

type jsonSubject struct {
	Kind      string `json:"kind"` // always
	Name      string `json:"name"` // always
	Sex       string `json:"sex,omitempty"`
	BirthDate string `json:"birth_date,omitempty"`
	Age       string `json:"age,omitempty"`
	DocType   string `json:"doc_type,omitempty"`
	DocNo     string `json:"doc_no,omitempty"`
	Phone     string `json:"phone,omitempty"`
	PatientNo string `json:"patient_no,omitempty"`
	Ward      string `json:"ward,omitempty"`
	Bed       string `json:"bed,omitempty"`
	Doctor    string `json:"doctor,omitempty"`
	Detail    string `json:"detail,omitempty"`
}

type jsonSample struct {
	Barcode      string `json:"barcode"` // always
	Original     string `json:"original,omitempty"`
	Specimen     string `json:"specimen"`      // always; code
	SpecimenText Text   `json:"specimen_text"` // always
	Mode         string `json:"mode"`          // always
	Pooled       int    `json:"pooled_n"`      // always; orders in the tube, 1 for a single sample
	PoolOf       int    `json:"pool_of"`       // always; tubes mixed for the test, 1 for a single test
	Volume       string `json:"volume,omitempty"`
}

type jsonArm struct {
	Kit     Text         `json:"kit"` // always
	Lot     string       `json:"lot,omitempty"`
	LoD     string       `json:"lod,omitempty"`
	Method  Text         `json:"method"`  // always
	Targets []jsonTarget `json:"targets"` // always, may be empty
}

type jsonTarget struct {
	Name      string `json:"name"`       // always
	State     string `json:"state"`      // always; pos, neg, grey, inv, none
	StateText Text   `json:"state_text"` // always
	Cq        string `json:"cq,omitempty"`
	Internal  bool   `json:"internal"` // always; internal control
}

// instant is written in UTC to the second.
type instant time.Time

func (i instant) MarshalText() ([]byte, error) {
	return time.Time(i).UTC().AppendFormat(nil, "2006-01-02T15:04:05Z"), nil
}

func known(t time.Time) *instant {
	if t.IsZero() {
		return nil
	}
	return (*instant)(&t)
}

func renderJSON(r Report) ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	lang := r.Lang
	if lang == "" {
		lang = Chinese
	}
	out := jsonReport{
		Schema: JSONSchema, Report: r.ID, Version: max(r.Version, 1), Issued: known(r.Issued), Drill: r.Drill, Language: lang,
		Line: r.Line, Exporter: r.Exporter,
		Lab:        jsonUnit{Code: r.Lab.Code, Name: both(r.Lab.Name), Address: r.Lab.Address, Phone: r.Lab.Phone, Form: r.Lab.Form},
		Department: jsonUnit{Code: r.Department.Code, Name: both(r.Department.Name)},
		Results:    make([]jsonResult, len(r.Results)),
	}
	for i, one := range r.Results {
		out.Results[i] = resultJSON(one)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func resultJSON(r Result) jsonResult {
	s := r.Subject
	out := jsonResult{
		OrderID: r.OrderID, OrderNo: r.OrderNo, Version: max(r.Version, 1), Corrected: r.Corrected(), Replaces: r.Replaces,
		ReplacesV: r.ReplacesVersion, Reason: r.Reason, ReplacedBy: r.ReplacedBy,
		Item: r.Item.or(standardItem), Call: r.Call, CallText: callWords[r.Call],
		Subject: jsonSubject{Kind: s.Kind, Name: s.Name, Sex: s.Sex, BirthDate: s.BirthDate, Age: r.age(), DocType: s.DocType, DocNo: s.DocNo,
			Phone: s.Phone, PatientNo: s.PatientNo, Ward: s.Ward, Bed: s.Bed, Doctor: s.Doctor, Detail: s.Detail},
		Sample: jsonSample{Barcode: r.Sample.Barcode, Original: r.Sample.Original, Specimen: r.Sample.Specimen,
			SpecimenText: both(specimen(r.Sample.Specimen)), Mode: r.Sample.Mode,
			Pooled: max(r.Sample.PooledN, 1), PoolOf: max(r.Sample.PoolOf, 1), Volume: r.Sample.Volume},
		Arms:       make([]jsonArm, len(r.Arms)),
		Instrument: r.Instrument, CheckedBy: r.CheckedBy, ReleasedBy: r.ReleasedBy, ReviewedAt: known(r.ReviewedAt),
		Times: timesJSON(r.Times), ClockA: minutes(r.Times.ClockA()), ClockB: minutes(r.Times.ClockB()),
		Notes: r.notes(), Remark: r.Remark, Verify: r.Verify,
	}
	for i, arm := range r.Arms {
		out.Arms[i] = jsonArm{Kit: both(arm.Kit), Lot: arm.Lot, LoD: arm.LoD, Method: arm.Method.or(standardMethod), Targets: make([]jsonTarget, len(arm.Targets))}
		for j, t := range arm.Targets {
			out.Arms[i].Targets[j] = jsonTarget{Name: t.Name, State: t.State, StateText: stateWords[t.State], Cq: t.CqText, Internal: t.Internal}
		}
	}
	return out
}

// notes are what must be said of a pooled test.
func (r Result) notes() []Text {
	notes := r.Sample.poolNotes()
	if r.PoolNote != "" {
		notes = append(notes, both(Text{ZH: r.PoolNote}))
	}
	return notes
}

// both fills the empty language from the other, so that a reader may always take the one it wants.
func both(t Text) Text { return Text{t.In(Chinese), t.In(English)} }

func timesJSON(t Times) map[string]instant {
	out := map[string]instant{}
	for i, at := range []time.Time{t.T0, t.T1, t.T2, t.T3, t.T4, t.T5, t.T6, t.T7, t.T8, t.T9} {
		if !at.IsZero() {
			out["t"+string(rune('0'+i))] = instant(at)
		}
	}
	return out
}

// minutes rounds a clock down to whole minutes.
func minutes(d time.Duration, ok bool) *int {
	if !ok {
		return nil
	}
	m := int(d / time.Minute)
	return &m
}
