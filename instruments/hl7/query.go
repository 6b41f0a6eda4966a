package hl7

import (
	"errors"
	"strconv"
	"strings"
)

// Query is an instrument's question for its orders.
type Query struct {
	ID      string // message id of the query; a cancellation names none
	Tag     string // QPD-2, names the query in answers and cancellations
	Name    string // QPD-1 as it stands
	LAW     bool   // IHE LAW (QBP^Q11): the orders follow in a message of their own
	All     bool   // every order that waits for this instrument
	Cancel  bool   // QCN^J01: the query with this tag is withdrawn
	Results bool   // QRY^R02: results are asked for, not orders
	Patient string
	Sample  string
}

// ErrNoQuery says that a message is no query.
var ErrNoQuery = errors.New("hl7: no query")

// ParseQuery reads QBP^Q11 (IHE LAW; cobas 6800 writes its name otherwise), QBP^Z01 and QBP^Z03 (GeneXpert), QRY^R02
// and QCN^J01.
func ParseQuery(m Parsed) (Query, error) {
	code, trigger := m.Type()
	q := Query{ID: m.ControlID()}
	switch {
	case code == "QCN":
		q.Cancel, q.Tag = true, m.Text("QID", 1)
		return q, nil
	case code == "QRY":
		q.Results, q.Tag, q.Sample = true, m.Text("QRD", 4), m.Text("QRD", 8)
		return q, nil
	case code != "QBP" || !m.Has("QPD"):
		return q, ErrNoQuery
	}
	q.Name, q.Tag = m.Field("QPD", 1), m.Text("QPD", 2)
	switch trigger {
	case "Z01":
		q.All = true
	case "Z03":
		q.Patient, q.Sample = m.Text("QPD", 3), m.Text("QPD", 4)
	default:
		q.LAW, q.Sample = true, m.Text("QPD", 3)
		if q.Sample == "" { // cobas 6800 leaves the tag out or counts otherwise
			q.Sample = m.Text("QPD", 4)
		}
	}
	if q.Sample == "ALL" {
		q.Sample, q.All = "", true
	}
	return q, nil
}

// Order is one tube and the tests wanted of it.
type Order struct {
	ID                 string // placer order number; "" = numbered
	Patient, Sample    string
	Tests              []string // codes as the instrument knows them
	Priority           string   // R or S; "" = R
	Ordered            string   // YYYYMMDDHHMMSS
	Material, Role     string   // SPM-4, SPM-11; "" = ORH for GeneXpert, P
	InstrumentSpecimen string
	Cancel             bool
}

// Answer are the messages that answer a query, in the order of sending: RSP^Z02 for GeneXpert; RSP^K11 and an OML^O33
// with the orders, or with the word that there are none (ORC-1 = DC), for IHE LAW.
func (m Parsed) Answer(q Query, r Reply, orders []Order) [][]byte {
	var b Builder
	h := m.back(r.ID, r.Time)
	if !q.LAW {
		h.Type, h.Accept, h.App = []string{"RSP", "Z02"}, "NE", "NE"
		b.Header(h)
		m.answered(&b, q, "AA", "OK")
		b.geneXpert(orders)
		return [][]byte{b.Bytes()}
	}
	h.Type, h.Accept, h.App = []string{"RSP", "K11", "RSP_K11"}, "NE", "NE"
	b.Header(h)
	m.answered(&b, q, "AA", "OK")
	r.ID += "-2"
	return [][]byte{b.Bytes(), m.Orders(r, q.Sample, orders)}
}

// Unanswered is the answer to a query that could not be looked up: MSA-1 and QAK-2 are AE, "application error" (tables 0008 and 0208).
// It never says that there are no orders: nobody has looked.
func (m Parsed) Unanswered(q Query, r Reply) []byte {
	var b Builder
	h := m.back(r.ID, r.Time)
	h.Type, h.Accept, h.App = []string{"RSP", "Z02"}, "NE", "NE"
	if q.LAW {
		h.Type = []string{"RSP", "K11", "RSP_K11"}
	}
	b.Header(h)
	m.answered(&b, q, "AE", "AE")
	return b.Bytes()
}

// answered is the head of an answer. code is MSA-1, found is QAK-2.
func (m Parsed) answered(b *Builder, q Query, code, found string) {
	b.Segment("MSA", Text(code), Text(m.ControlID()))
	b.Segment("QAK", Text(q.Tag), Text(found), m.copy(q.Name))
	for _, s := range m.Segments {
		if strings.HasPrefix(s, "QPD") {
			var f []Field
			for i := 1; i <= strings.Count(s, string(rune(m.D.Field))); i++ {
				f = append(f, m.copy(m.D.At(s, i)))
			}
			b.Segment("QPD", f...)
		}
	}
}

func (b *Builder) geneXpert(orders []Order) {
	patient, n := "\x00", 0
	patients := 0
	for _, o := range orders {
		if o.Patient != patient {
			patient, n = o.Patient, 0
			patients++
			b.Segment("PID", Text(strconv.Itoa(patients)), nil, Text(o.Patient))
		}
		action, control := "A", "NW"
		if o.Cancel {
			action, control = "C", "CA"
		}
		for _, test := range o.Tests {
			n++
			num := strconv.Itoa(n)
			b.Segment("ORC", Text(control), Text(or(o.ID, num)), nil, nil, nil, nil, nil, nil, Text(o.Ordered))
			b.Segment("OBR", Text(num), nil, nil, Text(test), nil, nil, nil, nil, nil, nil, Text(action))
			b.Segment("TQ1", nil, nil, nil, nil, nil, nil, nil, nil, Text(or(o.Priority, "R")))
			b.Segment("SPM", Text(num), Parts(o.Sample, o.InstrumentSpecimen), nil, Text(or(o.Material, "ORH")), nil, nil, nil, nil,
				nil, nil, Text(or(o.Role, "P")))
		}
	}
}

// Orders is the message OML^O33 of IHE LAW (LAB-28) to the sender of m. Without orders it says that there are none for
// the sample.
func (m Parsed) Orders(r Reply, sample string, orders []Order) []byte {
	var b Builder
	h := m.back(r.ID, r.Time)
	h.Type, h.Accept, h.App, h.Profile = []string{"OML", "O33", "OML_O33"}, "NE", "AL", "LAB-28^IHE"
	b.Header(h)
	if len(orders) == 0 {
		b.Segment("SPM", Text("1"), Text(sample), nil, Text("\"\""), nil, nil, nil, nil, nil, nil, Parts("U", "", "HL70369"))
		b.Segment("ORC", Text("DC"), nil, nil, nil, nil, nil, nil, nil, Text(r.Time))
	}
	for i, o := range orders {
		if o.Patient != "" && (i == 0 || orders[i-1].Patient != o.Patient) {
			b.Segment("PID", nil, nil, Text(o.Patient))
		}
		b.Segment("SPM", Text(strconv.Itoa(i+1)), Text(o.Sample), nil, Text(or(o.Material, "\"\"")), nil, nil, nil, nil, nil, nil,
			Parts(or(o.Role, "P"), "", "HL70369"))
		b.Segment("SAC", nil, nil, Text(o.Sample))
		control := "NW"
		if o.Cancel {
			control = "CA"
		}
		for j, test := range o.Tests {
			num := or(o.ID, o.Sample) + "-" + strconv.Itoa(j+1)
			b.Segment("ORC", Text(control), nil, nil, nil, nil, nil, nil, nil, Text(r.Time))
			b.Segment("TQ1", nil, nil, nil, nil, nil, nil, nil, nil, Parts(or(o.Priority, "R"), "", "HL70485"))
			b.Segment("OBR", nil, Text(num), nil, m.copy(test))
		}
	}
	return b.Bytes()
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
