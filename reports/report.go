// Package reports turns released results into the bytes that a department receives.
//
// It never does I/O, holds no clock and decides nothing: what may be released, whether names are masked and whether Cq
// values are printed is settled before a Report is filled. Invariants: the same Report gives the same bytes; a call that
// has no word here is refused, never left blank; a character that the font lacks is shown as 〓 and never dropped.
//
// The content follows the list of the clinical laboratory management rule of 2006 (name of the laboratory, person, item,
// result, reference, method, the two signers, times of receipt and report).
//
// To add a format write one file here and one folder in testdata.
package reports

import (
	"fmt"
	"strings"
	"time"
)

// MaxResults is the largest number of results in one report.
const MaxResults = 10_000

// Languages of a report.
const (
	Chinese = "zh"
	English = "en"
	Both    = "both" // Chinese first, English beside it
)

// Text is one text in both languages. An empty language falls back to the other.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In is the text in lang: zh, en or both.
func (t Text) In(lang string) string {
	switch {
	case t.EN == "" || t.EN == t.ZH || lang != English && lang != Both && t.ZH != "":
		return t.ZH
	case t.ZH == "" || lang == English:
		return t.EN
	}
	return t.ZH + " " + t.EN
}

// Report is one set of released results for one department: the neutral content that every format draws on.
type Report struct {
	ID         string         // number of the report, printed and in file names; holds no personal data
	Version    int            // version of the report, counted from 1
	Lab        Lab            // who tested
	Department Department     // who asked
	Line       string         // line of business the destination stands for, e.g. "clinical", "cdc"; may be empty
	Issued     time.Time      // when the report was made
	Zone       *time.Location // zone of every printed time; nil prints UTC. JSON is always UTC
	Lang       string         // zh, en or both; "" is zh
	Drill      bool           // an exercise: every page and every file says so
	Exporter   string         // who exported it by hand, printed across each page; "" where the line sent it
	Verify     string         // what the QR code of a list holds; see Result.Verify
	Results    []Result       // 1 … MaxResults
}

// Lab is the testing laboratory.
type Lab struct {
	Name    Text
	Code    string
	Address string
	Phone   string
	Form    string // number and version of the controlled form, e.g. "QR-PCR-012 / V3"
}

// Department is the requesting unit.
type Department struct {
	Name Text
	Code string
}

// Result is the released result of one order.
type Result struct {
	OrderID  string // the department's own id of the order, as it was registered
	OrderNo  int64  // our number of the order
	Version  int    // version of the result, counted from 1
	Replaces string // number of the report that this one corrects; "" where it corrects none, whatever its version
	Reason   string // why it was corrected

	ReplacesVersion int       // version of the result that this one corrects
	ReplacedBy      string    // number of the report that corrects this one; "" while it stands
	ReplacedAt      time.Time // when that was released

	Subject Subject
	Sample  Sample
	Times   Times
	Item    Text   // what was asked for; zero is "新型冠状病毒核酸检测"
	Call    string // code: negative, positive … (Calls lists them)
	Arms    []Arm  // one for each kit; two where the sample was tested in parallel

	Instrument string
	CheckedBy  string    // first signature
	ReleasedBy string    // second signature, another person
	ReviewedAt time.Time // second signature of this version; T7 is that of the first
	PoolNote   string    // more on the pool, beside the sentence that the reports add by themselves
	Remark     string
	Verify     string // what the QR code holds: an address or code by which a reader checks the page, without personal data; "" draws none
}

// Subject is who or what was sampled. Masked or not is decided before: see Subject.Masked.
type Subject struct {
	Kind      string // person, product, packaging, environment, vehicle, surface
	Name      string
	Sex       string // M, F or ""
	BirthDate string // 2006-01-02, or ""
	Age       string // in years; "" works it out from BirthDate and the day of collection
	DocType   string // resident_id, passport, permit, other; "" none
	DocNo     string
	Phone     string
	PatientNo string // number of the hospital stay or the outpatient
	Ward      string
	Bed       string
	Doctor    string // who asked
	Detail    string // of an object: maker, batch, where it was taken
}

// Sample is the tube.
type Sample struct {
	Barcode  string
	Original string // barcode of the tube that this one replaces, or of the sender
	Specimen string // code: OP, NP, NS, SALIVA … or a text printed as it stands
	Mode     string // single, household, mixed5, mixed10, mixed20
	PooledN  int    // orders in the tube; 0 and 1 say that it holds this one only
	PoolOf   int    // tubes mixed in the laboratory for the test; 0 and 1 say that it was tested alone
	Volume   string // with its unit, e.g. "3 mL"
}

// Arm is the test with one kit.
type Arm struct {
	Kit     Text
	Lot     string
	LoD     string // limit of detection with its unit, e.g. "500 copies/mL"
	Method  Text   // zero is "荧光PCR法"
	Targets []Target
}

// Target is the finding on one target of a kit.
type Target struct {
	Name     string
	State    string // pos, neg, grey, inv, none
	CqText   string // cycles as the instrument wrote them; "" where there is none or the policy does not print it
	Internal bool   // internal control: detected is what it should be
}

// Times are the instants of one order, T0 to T9, zero where unknown.
type Times struct {
	T0 time.Time // first swab
	T1 time.Time // tube closed
	T2 time.Time // dispatched
	T3 time.Time // received
	T4 time.Time // extraction
	T5 time.Time // PCR start
	T6 time.Time // instrument result in
	T7 time.Time // released
	T8 time.Time // delivered
	T9 time.Time // acknowledged
}

// ClockA is the time from the first swab to the release; false where one end is unknown.
func (t Times) ClockA() (time.Duration, bool) { return between(t.T0, t.T7) }

// ClockB is the time from receipt to the release; false where one end is unknown.
func (t Times) ClockB() (time.Duration, bool) { return between(t.T3, t.T7) }

func between(from, to time.Time) (time.Duration, bool) {
	if from.IsZero() || to.IsZero() {
		return 0, false
	}
	return to.Sub(from), true
}

// Corrected says whether the result replaces one that was released and wrong. A later version by itself is no correction: a person
// collected anew after "under verification" has a second result too.
func (r Result) Corrected() bool { return r.Replaces != "" }

// Check says what makes a report unfit to be drawn. Every format calls it first.
func (r Report) Check() error {
	switch {
	case r.ID == "":
		return fmt.Errorf("report without an id")
	case r.Issued.IsZero():
		return fmt.Errorf("report %q: no time of issue", r.ID)
	case len(r.Results) == 0:
		return fmt.Errorf("report %q: no results", r.ID)
	case len(r.Results) > MaxResults:
		return fmt.Errorf("report %q: %d results: expected at most %d", r.ID, len(r.Results), MaxResults)
	case r.Lang != "" && r.Lang != Chinese && r.Lang != English && r.Lang != Both:
		return fmt.Errorf("report %q: language %q: expected zh, en or both", r.ID, r.Lang)
	}
	for _, one := range r.Results {
		if _, ok := callWords[one.Call]; !ok {
			return fmt.Errorf("report %q: order %d: call %q: expected one of %s", r.ID, one.OrderNo, one.Call, strings.Join(Calls(), ", "))
		}
		for _, arm := range one.Arms {
			for _, t := range arm.Targets {
				if _, ok := stateWords[t.State]; !ok {
					return fmt.Errorf("report %q: order %d: target %q: state %q: expected pos, neg, grey, inv or none", r.ID, one.OrderNo, t.Name, t.State)
				}
			}
		}
	}
	return nil
}

// local prints an instant in the report's zone, to the minute, "" where it is unknown.
func (r Report) local(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if r.Zone != nil {
		return t.In(r.Zone).Format("2006-01-02 15:04")
	}
	return t.UTC().Format("2006-01-02 15:04")
}
