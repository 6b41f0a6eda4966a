package pcr

import (
	"strings"

	"natlims/lims/plate"
)

// roleWords read a control's role off its id or off the name that an instrument gives it.
var roleWords = map[string]plate.Role{
	"nc": plate.Negative, "neg": plate.Negative, "negative": plate.Negative, "negativecontrol": plate.Negative, "negctrl": plate.Negative,
	"negcontrol": plate.Negative, "阴性对照": plate.Negative, "阴性质控": plate.Negative, "阴性质控品": plate.Negative, "阴控": plate.Negative, "covneg": plate.Negative,
	"pc": plate.Positive, "pos": plate.Positive, "positive": plate.Positive, "positivecontrol": plate.Positive, "posctrl": plate.Positive,
	"poscontrol": plate.Positive, "阳性对照": plate.Positive, "阳性质控": plate.Positive, "阳性质控品": plate.Positive, "阳控": plate.Positive,
	"ncovpc": plate.Positive, "pec": plate.Positive, "covpos": plate.Positive,
	"ntc": plate.NoTemplate, "notemplate": plate.NoTemplate, "notemplatecontrol": plate.NoTemplate, "空白对照": plate.NoTemplate, "water": plate.NoTemplate,
	"nec": plate.Extraction, "hsc": plate.Extraction, "extraction": plate.Extraction, "nrt": plate.Extraction,
	"wp": plate.Weak, "weak": plate.Weak, "weakpositive": plate.Weak, "iqcwp": plate.Weak, "弱阳性": plate.Weak, "弱阳": plate.Weak, "弱阳性质控": plate.Weak,
	"saline": plate.Saline, "iqcn": plate.Saline, "生理盐水": plate.Saline,
}

// RoleOf reads the role of a control off a name such as "NTC", "Neg Ctrl", "阳性对照" or "PC-2"; Empty where the name
// is not a control's.
func RoleOf(name string) plate.Role {
	s := strings.TrimRight(squeeze(name), "0123456789#")
	return roleWords[s]
}

// Control is the kit's control for a role; false where the kit names none.
func (k *Kit) Control(r plate.Role) (Control, bool) {
	for _, c := range k.Controls {
		if c.PlateRole() == r {
			return c, true
		}
	}
	return Control{}, false
}

// Proof is the finding on one control well.
type Proof struct {
	Control string // the kit's id of the control, "" where the rule is the general one
	Scope   string // plate | extraction_batch
	OnFail  string
	OK      bool
	Why     string // which expectation failed, with the value
	Call    Call
}

// Prove judges a control well. Where the kit does not name the role the general rule holds: a negative of any kind has
// every virus target negative, a positive has every virus target positive, a weak positive is called positive
// (handbook: weak positive positive and all negatives negative, else no report). A target that is not assessed fails.
// lot is the range of the control lot by target, nil where none is known.
func (k *Kit) Prove(r plate.Role, wells [][]Value, ctx Context, lot map[string]Range) Proof {
	t := k.ready()
	p := Proof{Scope: ScopePlate, OnFail: FailPlate, Call: k.say(t, wells, &ctx)}
	if r == plate.Extraction {
		p.Scope, p.OnFail = ScopeBatch, FailReextract
	}
	c, named := k.Control(r)
	if named {
		p.Control, p.Scope, p.OnFail = c.ID, c.Scope, c.OnFail
	}
	if named && len(c.Expect) > 0 {
		p.Why = k.expect(t, c, wells, lot)
	} else {
		p.Why = k.general(r, p.Call)
	}
	p.OK = p.Why == ""
	return p
}

// expect says which expectation of the kit failed, "" where all hold, in the order of the kit's targets.
func (k *Kit) expect(t *table, c Control, wells [][]Value, lot map[string]Range) string {
	var bad []string
	for i, a := range k.Targets {
		test, ok := c.Expect[a.ID]
		if !ok {
			continue
		}
		var rng *Range
		if r, ok := lot[a.ID]; ok {
			rng = &r
		}
		asked := false
		for _, row := range wells {
			if i >= len(row) || (row[i].silent() && row[i].Call == "" && k.Layout == "singleplex") {
				continue
			}
			asked = true
			if t.expected(test, row[i], rng) != yes {
				bad = append(bad, a.ID+" "+row[i].String()+": expected "+test.String())
			}
		}
		if !asked {
			bad = append(bad, a.ID+" not measured: expected "+test.String())
		}
	}
	return strings.Join(bad, "; ")
}

// expected asks one value. "none" of a kit whose signal is the instrument's call means a negative call.
func (t *table) expected(test Test, v Value, lot *Range) answer {
	if t.call && len(test.Clauses) == 1 && test.Clauses[0].Op == "no_ct" && v.Call != "" {
		s := fold(v.Call)
		return given(s == "negative" || s == "not detected" || s == "neg" || s == "target not detected" || s == "none")
	}
	return test.hold(&v, t.call, lot)
}

// general says what breaks the general rule for a role.
func (k *Kit) general(r plate.Role, c Call) string {
	if r == plate.Weak {
		if c.Call == Positive {
			return ""
		}
		return "called " + c.Call + ": expected positive (" + c.Why + ")"
	}
	want := Neg
	if r == plate.Positive {
		want = Pos
	}
	var bad []string
	for _, a := range k.Targets {
		if f := c.Targets.Of(a.ID); a.Role == Virus && f.State != want {
			bad = append(bad, string(appendFinding(nil, a.ID, f, 0))+": expected "+want)
		}
	}
	return strings.Join(bad, "; ")
}

// String writes a value as a person reads it.
func (v Value) String() string {
	switch {
	case v.Text != "":
		return v.Text
	case v.State == HasCq:
		return trim(v.Cq)
	case v.Call != "":
		return v.Call
	case v.State == NoCq:
		return "no Ct"
	}
	return "not measured"
}

// PlateRole is the role that the control plays on a plate.
func (c Control) PlateRole() plate.Role {
	if c.Role != "" {
		return plate.Role(c.Role)
	}
	return RoleOf(c.ID)
}
