package instruments

import (
	"math"
	"strconv"
	"strings"

	"natlims/instruments/unpack"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// rdmlRun is one run of an RDML document while it is read.
type rdmlRun struct {
	run        pcr.Run
	experiment string
	id         string
	rows, cols int // of pcrFormat, 0 unknown
	letters    bool
	background string
	software   string // instrument, software and publisher in lower case: decides what "no Cq" looks like
	reacts     []rdmlReact
	curves     []rdmlCurve
	largest    int // the largest numeric reaction id
	repeats    int // of the longest loop of the protocol, 0 unknown
	floats     []float64
}

// rdmlReact is one data element with the ids that are not yet names.
type rdmlReact struct {
	id, sample, target string
	cq                 string
	has, excluded      bool
}

type rdmlCurve struct {
	react int // index in reacts
	first int
	y     []float64
}

func (d *rdml) experiment() error {
	experiment, err := d.s.Attr("id")
	if err != nil {
		return err
	}
	return d.children(func(name string) error {
		if name != "run" {
			return d.s.Skip()
		}
		id, err := d.s.Attr("id")
		if err != nil {
			return err
		}
		if len(d.runs) == maxRuns {
			return tooMany("runs", maxRuns)
		}
		r := &rdmlRun{experiment: experiment, id: id, letters: true}
		d.runs = append(d.runs, r)
		return d.runElement(r)
	})
}

func (d *rdml) runElement(r *rdmlRun) error {
	return d.children(func(name string) (err error) {
		switch name {
		case "react":
			return d.react(r)
		case "instrument":
			r.run.Instrument, err = d.value()
		case "backgroundDeterminationMethod":
			r.background, err = d.value()
		case "runDate":
			var v string
			v, err = d.value()
			r.run.Started = iso(v)
		case "experimenter":
			if r.run.Operator, err = d.s.Attr("id"); err == nil {
				err = d.s.Skip()
			}
		case "dataCollectionSoftware":
			var n, v string
			err = d.texts(map[string]*string{"name": &n, "version": &v})
			r.run.Software = strings.TrimSpace(n + " " + v)
		case "pcrFormat":
			var rows, cols, label string
			err = d.texts(map[string]*string{"rows": &rows, "columns": &cols, "rowLabel": &label})
			r.rows, _ = strconv.Atoi(rows)
			r.cols, _ = strconv.Atoi(cols)
			r.letters = label == "" || label == "ABC"
		default:
			err = d.s.Skip()
		}
		return err
	})
}

func (d *rdml) value() (string, error) {
	v, err := d.s.Value()
	return strings.TrimSpace(v), err
}

func (d *rdml) react(r *rdmlRun) error {
	id, err := d.s.Attr("id")
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(id); err == nil {
		r.largest = max(r.largest, n)
	}
	sample, from := "", len(r.reacts)
	err = d.children(func(name string) (err error) {
		switch name {
		case "sample":
			if sample, err = d.s.Attr("id"); err == nil {
				err = d.s.Skip()
			}
		case "data":
			if d.parts++; d.parts > maxReadings {
				return tooMany("reactions", maxReadings)
			}
			r.reacts = append(r.reacts, rdmlReact{id: id})
			err = d.data(r, len(r.reacts)-1)
		default:
			err = d.s.Skip()
		}
		return err
	})
	for i := from; i < len(r.reacts); i++ {
		r.reacts[i].sample = sample
	}
	return err
}

func (d *rdml) data(r *rdmlRun, i int) error {
	c := rdmlCurve{react: i}
	if cap(r.floats)-len(r.floats) < maxCycles { // a new block, so that the curves before keep theirs
		r.floats = make([]float64, 0, 64*maxCycles)
	}
	from := len(r.floats)
	next := 0
	err := d.children(func(name string) (err error) {
		g := &r.reacts[i]
		switch name {
		case "tar":
			if g.target, err = d.s.Attr("id"); err == nil {
				err = d.s.Skip()
			}
		case "cq":
			g.has = true
			d.cqs++
			g.cq, err = d.value()
		case "excl":
			g.excluded = true
			err = d.s.Skip()
		case "mdp":
			d.melts++
			err = d.s.Skip()
		case "adp":
			var cycle int
			var v float64
			if cycle, v, err = d.point(); err != nil || cycle < 1 || cycle > maxCycles {
				return err
			}
			if len(r.floats) == from {
				c.first, next = cycle, cycle
			}
			for ; next < cycle; next++ {
				r.floats = append(r.floats, math.NaN())
			}
			if next == cycle { // a cycle that comes twice or out of order is left as it was first
				r.floats = append(r.floats, v)
				next++
			}
		default:
			err = d.s.Skip()
		}
		return err
	})
	if c.y = r.floats[from:len(r.floats):len(r.floats)]; len(c.y) > 0 {
		r.curves = append(r.curves, c)
		r.run.Cycles = max(r.run.Cycles, next-1)
	}
	return err
}

// point reads an adp: cycle, perhaps temperature, fluorescence. It is where nine tenths of a document are.
func (d *rdml) point() (cycle int, v float64, err error) {
	v = math.NaN()
	for depth := d.s.Depth(); ; {
		k, err := d.s.Next()
		if err != nil {
			return 0, 0, err
		}
		if k == unpack.End && d.s.Depth() < depth {
			return cycle, v, nil
		}
		if k != unpack.Start {
			continue
		}
		switch d.s.Name {
		case "cyc":
			text, err := d.s.Value()
			if err != nil {
				return 0, 0, err
			}
			cycle, _ = index(text)
		case "fluor":
			text, err := d.s.Value()
			if err != nil {
				return 0, 0, err
			}
			if f, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil && !math.IsInf(f, 0) {
				v = f
			}
		default:
			if err := d.s.Skip(); err != nil {
				return 0, 0, err
			}
		}
	}
}

// finish turns ids into names and numbers into statements.
func (r *rdmlRun) finish(d *rdml) {
	r.repeats = d.repeats
	r.software = strings.ToLower(r.run.Instrument + " " + r.run.Software + " " + d.maker)
	r.run.Name = r.experiment
	if r.id != "" && r.id != r.experiment {
		r.run.Name = strings.TrimSpace(r.experiment + " " + r.id)
	}
	r.run.Serial = between(r.run.Instrument, "Cycler SN: ", ",")
	r.run.Instrument, _, _ = strings.Cut(r.run.Instrument, ", Cycler SN")
	kind := r.curveKind()
	r.run.Readings = make([]pcr.Reading, 0, len(r.reacts))
	where := make([]int, len(r.reacts))
	for i, e := range r.reacts {
		where[i] = -1
		well, ok := r.well(e.id)
		if !ok {
			r.run.Notes = append(r.run.Notes, pcr.Note{Code: "well.unreadable", Text: cut(e.id)})
			continue
		}
		s, t := d.sampleOf(e.sample), d.targetOf(e.target)
		g := pcr.Reading{Well: well, Sample: s.name, Target: t.name, Dye: t.dye, Task: s.kind, Omit: e.excluded}
		d.lc96.mark(&g, r.id, e.id, e.target)
		var known bool
		if g.State, g.Cq, g.CqText, known = r.cq(e); !known {
			r.run.Notes = append(r.run.Notes, pcr.Note{Code: "cq.unreadable", Text: cut(well + " " + e.cq)})
		}
		where[i] = len(r.run.Readings)
		r.run.Readings = append(r.run.Readings, g)
	}
	for _, c := range r.curves {
		if at := where[c.react]; at >= 0 {
			g := r.run.Readings[at]
			r.run.Curves = append(r.run.Curves, pcr.Curve{Well: g.Well, Target: g.Target, Dye: g.Dye, Kind: kind, First: c.first, Y: c.y})
		}
	}
}

func (d *rdml) sampleOf(id string) rdmlSample {
	if s, ok := d.samples[id]; ok {
		return s
	}
	return rdmlSample{name: id}
}

func (d *rdml) targetOf(id string) rdmlTarget {
	if t, ok := d.targets[id]; ok {
		return t
	}
	return rdmlTarget{name: id}
}

// curveKind: Bio-Rad exports baseline-subtracted values, Applied Biosystems those divided by the passive reference.
func (r *rdmlRun) curveKind() pcr.CurveKind {
	switch {
	case strings.Contains(strings.ToLower(r.background), "baseline subtract"):
		return pcr.DeltaRn
	case r.applied():
		return pcr.Rn
	}
	return pcr.Raw
}

func (r *rdmlRun) applied() bool {
	return contains(r.software, "applied bio", "stepone", "7500", "viia", "quantstudio")
}
func (r *rdmlRun) roche() bool  { return contains(r.software, "lightcycler", "roche", "lc96") }
func (r *rdmlRun) bioRad() bool { return contains(r.software, "bio-rad", "biorad", "cfx") }

func contains(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

func between(s, from, to string) string {
	_, s, ok := strings.Cut(s, from)
	if !ok {
		return ""
	}
	s, _, _ = strings.Cut(s, to)
	return strings.TrimSpace(s)
}

// cq says what the cq element of a reaction states. 100 is beyond any programme: LightCycler 96 writes it, and files
// of it that another program saved again no longer name it.
func (r *rdmlRun) cq(e rdmlReact) (pcr.State, float64, string, bool) {
	if !e.has || e.cq == "" {
		return pcr.Blank, 0, "", true
	}
	v := Number(e.cq, Point)
	if v < 0 || v == MaxCq || v > MaxCq && r.roche() || r.applied() && v == float64(r.cycles()) {
		return pcr.NoCq, 0, "", true
	}
	return CqRule{Mark: Point}.Read(e.cq)
}

// cycles is the length of the curves, else what the protocol repeats most often, else the usual 40.
func (r *rdmlRun) cycles() int {
	for _, n := range []int{r.run.Cycles, r.repeats} {
		if n > 0 {
			return n
		}
	}
	return 40
}

// well reads the id of a reaction: a position, or an index over rows and columns that counts from 1.
func (r *rdmlRun) well(id string) (string, bool) {
	if name, ok := WellName(id); ok {
		return name, true
	}
	n, err := strconv.Atoi(strings.TrimSpace(id))
	if err != nil || n < 1 {
		return "", false
	}
	f := plate.Format{Rows: r.rows, Cols: r.cols}
	switch {
	case r.rows <= 0 || r.cols <= 0: // "free format"
		f = plateOf(r.largest)
	case !r.letters || r.rows == 1 || r.cols == 1: // a rotor
		return strconv.Itoa(n), true
	case !plate.F384.Holds(plate.Pos{Row: r.rows - 1, Col: r.cols - 1}): // arrays and chips
		return strconv.Itoa(n), n <= r.rows*r.cols
	}
	if n > f.Size() {
		return "", false
	}
	return f.At(n - 1).String(), true
}

// joins says whether two runs of Bio-Rad are one: it writes a run for each dye, named "Amp Step 3_FAM".
func (r *rdmlRun) joins(o *rdmlRun) bool {
	return r.bioRad() && o.bioRad() && r.experiment == o.experiment && withoutDye(r.id) == withoutDye(o.id) && r.id != o.id
}

func withoutDye(id string) string {
	if i := strings.LastIndexByte(id, '_'); i >= 0 {
		return id[:i]
	}
	return id
}

func (r *rdmlRun) join(o *rdmlRun, run *pcr.Run) {
	run.Name = strings.TrimSpace(r.experiment + " " + withoutDye(r.id))
	run.Readings = append(run.Readings, o.run.Readings...)
	run.Curves = append(run.Curves, o.run.Curves...)
	run.Notes = append(run.Notes, o.run.Notes...)
	run.Cycles = max(run.Cycles, o.run.Cycles)
}
