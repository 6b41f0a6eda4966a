package sim

import (
	"fmt"
	"strconv"

	"natlims/instruments/astm"
)

// A plate analyser like the Abbott m2000rt, with one R record for each target.
//
//	O|1|S-1|S-1^P0001^A1|^^^NCOV
//	R|1|^^^ORF1ab|27.10|cycle number||||F||admin||20260112122150|SIM0001
//
// -1.00 cycles say that there is none. "m2000" sends the plate as one message; "m2000-tubes" sends one message for each tube, as the
// real one does.
func init() {
	register(Model{Name: "m2000", Title: "plate analyser, ASTM, one message a plate", Wire: ASTM, write: func(p Plate) []Message {
		var b astm.Builder
		m2000Head(&b, p)
		for i := range p.Layout.Wells {
			m2000Well(&b, p, i, i+1)
		}
		b.Record('L', astm.Text("1"), astm.Text("N"))
		return []Message{{Bytes: b.Bytes()}}
	}})
	register(Model{Name: "m2000-tubes", Title: "plate analyser, ASTM, one message a tube", Wire: ASTM, write: func(p Plate) []Message {
		var all []Message
		for i := range p.Layout.Wells {
			var b astm.Builder
			m2000Head(&b, p)
			m2000Well(&b, p, i, 1)
			b.Record('L', astm.Text("1"))
			all = append(all, Message{Bytes: b.Bytes()})
		}
		return all
	}})
}

func m2000Head(b *astm.Builder, p Plate) {
	b.Header(nil, nil, astm.Parts("m2000", "8.1.9.0", p.Serial), nil, nil, nil, nil, nil, nil, astm.Text("P"), astm.Text("1"), astm.Text(p.stamp()))
}

func m2000Well(b *astm.Builder, p Plate, i, seq int) {
	w := p.Layout.Wells[i]
	b.Record('P', astm.Text(strconv.Itoa(seq)))
	order := make([]astm.Field, 25)
	order[0], order[1] = astm.Text("1"), astm.Text(w.Code)
	order[2], order[3] = astm.Parts(w.Code, p.Layout.Code, w.Pos.String()), astm.Parts("", "", "", p.Assay)
	if w.Role.Control() {
		order[10] = astm.Text("Q")
	}
	order[24] = astm.Text("F")
	b.Record('O', order...)
	for n, t := range p.in(w) {
		cq := "-1.00"
		if v, ok := p.Truth(w.Code, t.Name); ok {
			cq = fmt.Sprintf("%.2f", v)
		}
		b.Record('R', astm.Text(strconv.Itoa(n+1)), astm.Parts("", "", "", t.Name), astm.Text(cq), astm.Text("cycle number"),
			nil, nil, nil, astm.Text("F"), nil, astm.Text(p.Operator), nil, astm.Text(p.stamp()), astm.Text(p.Serial))
	}
}
