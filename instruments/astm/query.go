package astm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"natlims/instruments/fields"
)

// MaxAsked is how many samples one query may name.
const MaxAsked = 1000

// Query is an instrument's question for its orders (Q record, LIS02-A2 11).
type Query struct {
	ID      string // message id of the header
	From    string // sender of the header, first component
	All     bool   // every order that waits for this instrument
	Cancel  bool   // status A: the last query is withdrawn; no answer is expected
	Results bool   // status F, P …: results are asked for, not orders
	Samples []Asked
	Tests   []string // test codes asked for; none means all
}

// Asked is one sample of a query.
type Asked struct {
	Patient, Specimen, Instrument string
}

// ErrNoQuery says that a message holds no Q record.
var ErrNoQuery = errors.New("astm: no Q record")

// ParseQuery reads the first Q record of a message.
func ParseQuery(message string) (Query, error) {
	var q Query
	for r := NewRecords(message); r.Next(); {
		switch r.Type() {
		case 'H':
			q.ID, q.From = r.Text(3), r.Part(5, 1)
		case 'Q':
			return q, q.read(r)
		}
	}
	return q, ErrNoQuery
}

func (q *Query) read(r *Records) error {
	d := r.Delims()
	for _, s := range r.Repeats(13) {
		switch s {
		case "A":
			q.Cancel = true
		case "F", "P", "C", "R", "I":
			q.Results = true
		}
	}
	for _, s := range r.Repeats(5) {
		if code := d.Join(s); code != "" && code != "ALL" {
			q.Tests = append(q.Tests, code)
		}
	}
	asked := r.Repeats(3)
	if len(asked) > MaxAsked {
		return fmt.Errorf("astm: query for %d samples, at most %d are taken", len(asked), MaxAsked)
	}
	for _, s := range asked {
		if strings.Trim(s, string(d.Component)) == "ALL" {
			q.All = true
			continue
		}
		a := Asked{
			Patient:    d.Unescape(fields.Nth(s, d.Component, 1)),
			Specimen:   d.Unescape(fields.Nth(s, d.Component, 2)),
			Instrument: d.Unescape(fields.Nth(s, d.Component, 3)),
		}
		if strings.IndexByte(s, d.Component) < 0 { // no component: most analysers mean the specimen
			a = Asked{Specimen: a.Patient}
		}
		if a != (Asked{}) {
			q.Samples = append(q.Samples, a)
		}
	}
	return nil
}

// Head is what we say of ourselves in a message. Time is YYYYMMDDHHMMSS in the laboratory's zone.
type Head struct {
	ID, Sender, Receiver, Version, Time string
}

// Order is one tube and the tests wanted of it.
type Order struct {
	Patient, Specimen, Instrument string
	Tests                         []string // codes as the instrument knows them
	Priority                      string   // S, A, R; "" = R
	Ordered                       string   // YYYYMMDDHHMMSS
	Material                      string   // specimen type as the instrument knows it; GeneXpert takes ORH
	Cancel                        bool     // take the order back (action C)
}

// Answer appends the answer to a query: the orders, or "no information" if there are none (L-3 is F or I).
// One O record is written for each test, grouped by patient as they come.
func (b *Builder) Answer(h Head, orders []Order) {
	b.head(h)
	b.orders(orders, "Q")
	code := "F"
	if len(orders) == 0 {
		code = "I"
	}
	b.Record('L', Text("1"), Text(code))
}

// Unanswered appends the answer to a query that could not be looked up: "error in last request for information" (L-3 is Q, LIS02-A2
// 13.1.3). It never says that there are no orders: nobody has looked.
func (b *Builder) Unanswered(h Head) {
	b.head(h)
	b.Record('L', Text("1"), Text("Q"))
}

// Download appends orders that nobody asked for. GeneXpert refuses such messages.
func (b *Builder) Download(h Head, orders []Order) {
	b.head(h)
	b.orders(orders, "O")
	b.Record('L', Text("1"), Text("N"))
}

func (b *Builder) head(h Head) {
	if h.Version == "" {
		h.Version = "1394-97"
	}
	b.Header(Text(h.ID), nil, Text(h.Sender), nil, nil, nil, nil, Text(h.Receiver), nil, Text("P"), Text(h.Version), Text(h.Time))
}

func (b *Builder) orders(orders []Order, report string) {
	patients, n := 0, 0
	for i, o := range orders {
		if i == 0 || o.Patient != orders[i-1].Patient || o.Patient == "" && o.Specimen != orders[i-1].Specimen {
			patients++
			n = 0
			b.Record('P', Text(strconv.Itoa(patients)), nil, nil, Text(o.Patient))
		}
		action, priority := "A", o.Priority
		if o.Cancel {
			action = "C"
		}
		if priority == "" {
			priority = "R"
		}
		for _, test := range o.Tests {
			n++
			b.Record('O', Text(strconv.Itoa(n)), Text(o.Specimen), Text(o.Instrument), Parts("", "", "", test), Text(priority),
				Text(o.Ordered), nil, nil, nil, nil, Text(action), nil, nil, nil, Text(o.Material), nil, nil, nil, nil, nil, nil,
				nil, nil, nil, Text(report))
		}
	}
}
