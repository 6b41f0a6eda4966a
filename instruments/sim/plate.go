package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"natlims/lims/plate"
)

// Truth is what stands in a tube: the Cq of a target in cycles, false where there is nothing to find.
type Truth func(code, target string) (cq float64, ok bool)

// Target is one signal of the assay as the instrument names it.
type Target struct {
	Name string
	Dye  string
}

// Plate is a plate as the instrument has it, and what is in it. Only Layout, Targets and Truth are required.
type Plate struct {
	Layout   plate.Layout
	Targets  []Target
	Truth    Truth
	Assay    string    // test code or experiment type; "" = "NCOV"
	Operator string    // "" = "admin"
	Serial   string    // of the instrument; "" = "SIM0001"
	Ended    time.Time // end of the run, local
	Cycles   int       // 0 = 45
	Seed     uint64    // of what is random in curves
}

func (p Plate) filled() Plate {
	p.Assay = or(p.Assay, "NCOV")
	p.Operator = or(p.Operator, "admin")
	p.Serial = or(p.Serial, "SIM0001")
	if p.Cycles <= 0 {
		p.Cycles = 45
	}
	return p
}

func (p Plate) check() error {
	if len(p.Layout.Wells) == 0 || len(p.Targets) == 0 || p.Truth == nil {
		return fmt.Errorf("plate %q: expected wells, targets and a truth", p.Layout.Code)
	}
	return nil
}

// in is what is measured in a well: every target, or the one of a well that measures one.
func (p Plate) in(w plate.Well) []Target {
	if w.Target == "" {
		return p.Targets
	}
	for _, t := range p.Targets {
		if t.Name == w.Target {
			return []Target{t}
		}
	}
	return []Target{{Name: w.Target, Dye: w.Dye}}
}

// stamp is the end of the run as ASTM and HL7 write it.
func (p Plate) stamp() string { return p.Ended.Format("20060102150405") }

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Wire is how a model speaks.
type Wire string

// The wires.
const (
	ASTM Wire = "astm"
	HL7  Wire = "hl7"
	File Wire = "file"
)

// Message is one message or file.
type Message struct {
	Name  string // file name; "" on a wire
	Bytes []byte // text of the message, without frames
}

// Model is an instrument that can be played.
type Model struct {
	Name  string // stable, lower case
	Title string
	Wire  Wire
	write func(Plate) []Message
}

// Messages are what the instrument has to say of a plate.
func (m Model) Messages(p Plate) ([]Message, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return m.write(p.filled()), nil
}

var models []Model // filled by init functions, never written again

func register(m Model) { models = append(models, m) }

// Models are the instruments that can be played, in the order of their names.
func Models() []Model {
	all := slices.Clone(models)
	slices.SortFunc(all, func(a, b Model) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Find is the model of that name.
func Find(name string) (Model, error) {
	var names []string
	for _, m := range Models() {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Model{}, fmt.Errorf("instrument %q: expected one of %s", name, strings.Join(names, ", "))
}

// task is the word of Applied Biosystems software for a role.
func task(w plate.Well) string {
	switch w.Role {
	case plate.Negative, plate.NoTemplate, plate.Extraction, plate.Saline:
		return "NTC"
	case plate.Positive, plate.Weak:
		return "POSITIVE CONTROL"
	}
	return "UNKNOWN"
}
