package instruments

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"

	"natlims/instruments/unpack"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Experiment documents of Design & Analysis 2 hold JSON. Layout from third-party readers; what it looks like:
//
//	{"wellResults":[{"wellIndex":0,"sampleName":"S1","reactionResults":[{"targetName":"N","task":"UNKNOWN",
//	  "amplificationResult":{"cq":NaN,"ampStatus":"NO_AMP","rn":[…],"deltaRn":[…]}}]}]}
//
// No Cq is the bare word NaN, which is no JSON.
const edsJSON = "primary/analysis_result.json"

type edsResult struct {
	WellResults []struct {
		WellIndex       *int   `json:"wellIndex"`
		SampleName      string `json:"sampleName"`
		Omitted         bool   `json:"omitted"`
		ReactionResults []struct {
			TargetName          string `json:"targetName"`
			Task                string `json:"task"`
			Reporter            string `json:"reporter"`
			Dye                 string `json:"dye"`
			AmplificationResult struct {
				Cq        json.RawMessage `json:"cq"`
				AmpStatus string          `json:"ampStatus"`
				Rn        json.RawMessage `json:"rn"`
				DeltaRn   json.RawMessage `json:"deltaRn"`
			} `json:"amplificationResult"`
		} `json:"reactionResults"`
	} `json:"wellResults"`
}

// edsSummary is the part of summary.json and run/run_summary.json that a run keeps.
type edsSummary struct {
	Name             string `json:"name"`
	InstrumentType   string `json:"instrumentType"`
	InstrumentSerial string `json:"instrumentSerialNumber"`
	Barcode          string `json:"barcode"`
	Operator         string `json:"operator"`
	StartTime        any    `json:"startTime"`
	EndTime          any    `json:"endTime"`
}

var big384 = regexp.MustCompile(`(?i)384[-_ ]?w|16x24`)

func decodeEDSJSON(a *unpack.Archive, e unpack.Entry) ([]pcr.Run, error) {
	var res edsResult
	if err := readJSON(a, e.Name, &res); err != nil {
		return nil, err
	}
	var s, r edsSummary
	if err := readJSON(a, "summary.json", &s); err != nil {
		return nil, err
	}
	if err := readJSON(a, "run/run_summary.json", &r); err != nil {
		return nil, err
	}
	run := pcr.Run{Name: s.Name, Instrument: first(s.InstrumentType, r.InstrumentType), Serial: first(r.InstrumentSerial, s.InstrumentSerial),
		Plate: first(s.Barcode, r.Barcode), Operator: first(s.Operator, r.Operator), Started: instant(r.StartTime, s.StartTime), Ended: instant(r.EndTime, s.EndTime)}
	format := plate.F96
	for _, w := range res.WellResults {
		if w.WellIndex != nil && *w.WellIndex >= plate.F96.Size() {
			format = plate.F384
		}
	}
	for _, name := range []string{"summary.json", "setup/plate_setup.json", "run/run_summary.json", "setup/run_method.json"} {
		if e, ok := a.Find(name); ok && format == plate.F96 {
			raw, err := a.Read(e)
			if err != nil {
				return nil, unpackError(err)
			}
			if big384.Match(raw) {
				format = plate.F384
			}
		}
	}
	res.readings(&run, format)
	if len(run.Readings) == 0 {
		return nil, &Error{Code: CodeNoResults, Offset: -1, Value: edsJSON, Want: want(wantAnalysed)}
	}
	return []pcr.Run{run}, nil
}

func (res edsResult) readings(run *pcr.Run, format plate.Format) {
	for i, w := range res.WellResults {
		if w.WellIndex == nil || *w.WellIndex < 0 || *w.WellIndex >= format.Size() {
			run.Notes = append(run.Notes, pcr.Note{Line: i + 1, Code: "well.unreadable"})
			continue
		}
		for _, r := range w.ReactionResults {
			amp := r.AmplificationResult
			g := pcr.Reading{Well: format.At(*w.WellIndex).String(), Sample: w.SampleName, Target: r.TargetName, Task: r.Task, Line: i + 1,
				Dye: first(r.Reporter, r.Dye), Call: amp.AmpStatus, Omit: w.Omitted}
			var known bool
			if g.State, g.Cq, g.CqText, known = edsCq(amp.Cq); !known {
				run.Notes = append(run.Notes, pcr.Note{Line: i + 1, Code: "cq.unreadable", Text: cut(string(amp.Cq))})
			}
			run.Readings = append(run.Readings, g)
			for _, c := range []struct {
				kind pcr.CurveKind
				y    json.RawMessage
			}{{pcr.Rn, amp.Rn}, {pcr.DeltaRn, amp.DeltaRn}} {
				if y := gaps(c.y); len(y) > 0 {
					run.Curves = append(run.Curves, pcr.Curve{Well: g.Well, Target: g.Target, Dye: g.Dye, Kind: c.kind, First: 1, Y: y})
					run.Cycles = max(run.Cycles, len(y))
				}
			}
		}
	}
}

// edsCq reads the cq member: a number, null written for NaN, or nothing at all.
func edsCq(raw json.RawMessage) (pcr.State, float64, string, bool) {
	cell := strings.Trim(string(raw), `"`)
	if cell == "null" {
		return pcr.NoCq, 0, "", true
	}
	if v := Number(cell, Point); v < 0 {
		return pcr.NoCq, 0, "", true
	}
	return CqRule{Mark: Point, Empty: pcr.Blank}.Read(cell)
}

// gaps are the values of an array with NaN where one is null, those missing at the end left out.
func gaps(raw json.RawMessage) []float64 {
	out, last := make([]float64, 0, 48), 0
	for cell := range strings.SplitSeq(strings.Trim(string(raw), "[] \t\r\n"), ",") {
		v, err := strconv.ParseFloat(trim(cell), 64)
		if len(out) == maxCycles || err != nil && trim(cell) != "null" {
			break
		}
		if err != nil || math.IsInf(v, 0) {
			v = math.NaN()
		}
		if out = append(out, v); !math.IsNaN(v) {
			last = len(out)
		}
	}
	return out[:last]
}

// instant reads milliseconds or a text with a zone.
func instant(values ...any) pcr.Stamp {
	for _, v := range values {
		switch v := v.(type) {
		case float64:
			return millis(strconv.FormatFloat(v, 'f', 0, 64))
		case string:
			if v != "" {
				return iso(v)
			}
		}
	}
	return pcr.Stamp{}
}

// readJSON reads a JSON entry with bare NaN and Infinity; an entry that is not there leaves to as it is.
func readJSON(a *unpack.Archive, name string, to any) error {
	e, ok := a.Find(name)
	if !ok {
		return nil
	}
	raw, err := a.Read(e)
	if err != nil {
		return unpackError(err)
	}
	raw, objects := strict(raw)
	if objects > maxObjects {
		return tooMany("objects in "+name, maxObjects)
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return &Error{Code: CodeDamaged, Offset: -1, Value: name, Want: want(wantJSON), Err: err}
	}
	return nil
}

// maxObjects bounds what a JSON entry can make of memory: each object, and each element of the lists of wells and reactions,
// becomes a struct.
const maxObjects = 4 * maxReadings

// strict writes null for the bare words NaN, Infinity and -Infinity outside of strings, and counts the objects.
func strict(raw []byte) (out []byte, objects int) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	out = make([]byte, 0, len(raw)+64)
	text, depth := false, 0
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case text && c == '\\' && i+1 < len(raw):
			out = append(out, c)
			i++
			c = raw[i]
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			objects++ // the lists of values are as many as the curves
			depth++
		case c == '}' || c == ']':
			depth--
		case c == ',' && depth <= 4:
			objects++
		case c == 'N' || c == 'I' || c == '-':
			if n := bareWord(raw[i:]); n > 0 {
				out = append(out, "null"...)
				i += n - 1
				continue
			}
		}
		out = append(out, c)
	}
	return out, objects
}

func bareWord(b []byte) int {
	for _, w := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(b, []byte(w)) {
			return len(w)
		}
	}
	return 0
}
