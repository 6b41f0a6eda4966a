package sim

import (
	"fmt"
	"strconv"

	"natlims/instruments/hl7"
)

// HL7 v2.5.1 over MLLP.
//
//	hl7-oru  ORU^R01, one message a tube, original acknowledgement:  PID OBR {OBX}
//	hl7-oul  OUL^R22 of IHE LAW (LAB-29), one message a plate:      {SPM SAC OBR ORC {OBX}}
//
// SAC-10 is the plate and SAC-11 the well (HL7 2.5.1 13.4.3). A target without a Cq has the text "Undetermined".
func init() {
	register(Model{Name: "hl7-oru", Title: "analyser, HL7 ORU^R01, one message a tube", Wire: HL7, write: func(p Plate) []Message {
		var all []Message
		for i := range p.Layout.Wells {
			all = append(all, Message{Bytes: oru(p, i)})
		}
		return all
	}})
	register(Model{Name: "hl7-oul", Title: "analyser, HL7 OUL^R22 of IHE LAW, one message a plate", Wire: HL7, write: func(p Plate) []Message {
		return []Message{{Bytes: oul(p)}}
	}})
}

func hl7Sender(p Plate) hl7.Field { return hl7.Parts("SimCycler", p.Serial, "1.0") }

func oru(p Plate, i int) []byte {
	w := p.Layout.Wells[i]
	var b hl7.Builder
	b.Header(hl7.Head{Sender: hl7Sender(p), Receiver: hl7.Text("LIS"), Time: p.stamp(), Type: []string{"ORU", "R01", "ORU_R01"},
		ID: fmt.Sprintf("%s-%s", p.Layout.Code, w.Pos)})
	b.Segment("PID", hl7.Text("1"))
	b.Segment("OBR", hl7.Text("1"), nil, hl7.Text(w.Code), hl7.Text(p.Assay))
	results(&b, p, i)
	return b.Bytes()
}

func oul(p Plate) []byte {
	var b hl7.Builder
	b.Header(hl7.Head{Sender: hl7Sender(p), Receiver: hl7.Text("LIS"), Time: p.stamp(), Type: []string{"OUL", "R22", "OUL_R22"},
		ID: p.Layout.Code, Accept: "NE", App: "AL", Profile: "LAB-29^IHE"})
	for i, w := range p.Layout.Wells {
		role := "P"
		if w.Role.Control() {
			role = "Q"
		}
		b.Segment("SPM", hl7.Text(strconv.Itoa(i+1)), hl7.Text(w.Code), nil, hl7.Parts("NASO", "", "HL70487"), nil, nil, nil, nil, nil, nil,
			hl7.Parts(role, "", "HL70369"))
		b.Segment("SAC", nil, nil, hl7.Text(w.Code), nil, nil, nil, nil, nil, nil, hl7.Text(p.Layout.Code), hl7.Text(w.Pos.String()))
		b.Segment("OBR", hl7.Text("1"), nil, nil, hl7.Text(p.Assay))
		b.Segment("ORC", hl7.Text("SC"), nil, nil, nil, hl7.Text("CM"))
		results(&b, p, i)
	}
	return b.Bytes()
}

func results(b *hl7.Builder, p Plate, i int) {
	w := p.Layout.Wells[i]
	for n, t := range p.in(w) {
		kind, value := "ST", "Undetermined"
		if cq, ok := p.Truth(w.Code, t.Name); ok {
			kind, value = "NM", fmt.Sprintf("%.2f", cq)
		}
		b.Segment("OBX", hl7.Text(strconv.Itoa(n+1)), hl7.Text(kind), hl7.Text(t.Name), nil, hl7.Text(value), hl7.Text("Ct"),
			nil, nil, nil, nil, hl7.Text("F"), nil, nil, nil, nil, hl7.Text(p.Operator), nil, hl7.Text(p.Serial), hl7.Text(p.stamp()))
	}
}
