package lims

import "time"

// Subject is a person or an object that was sampled.
type Subject struct {
	Kind      SubjectKind
	Name      string // of a person, or the description of an object
	DocType   string // resident_id, passport, permit, …; "" for objects
	DocNo     string
	Sex       string // "", m, f
	BirthDate *time.Time
	Phone     string
	Address   string
}

// Priority of a category: 1 is served first (R07: contacts, then key persons, then the rest).
func (c Category) Priority() int {
	switch c {
	case CloseContact:
		return 1
	case KeyPerson, FeverClinic:
		return 2
	case ColdChain:
		return 3
	case Screening:
		return 4
	case Voluntary:
		return 5
	}
	return 0
}

// Policy is dated data that authorities change: deadlines and who may share a tube.
type Policy struct {
	ID     int64
	Limits map[Category]Limit  // minutes
	Modes  map[Category][]Mode // modes of collection allowed; a category that is missing may be collected singly only
}

// Limit holds the two deadlines of a category, in minutes.
type Limit struct {
	A int `json:"a" yaml:"a"` // collection to result
	B int `json:"b" yaml:"b"` // receipt to result
}

// Allows says whether a tube of this mode may hold orders of the category.
func (p Policy) Allows(c Category, m Mode) bool {
	if m == Single {
		return true
	}
	for _, ok := range p.Modes[c] {
		if ok == m {
			return true
		}
	}
	return false
}
