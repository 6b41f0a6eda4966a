package lims

import "time"

// Role is what an actor may do. Routes and store methods name the roles they need.
type Role string

// The roles.
const (
	Technician Role = "technician" // registers, receives, plates, runs
	Checker    Role = "checker"    // first signature
	Releaser   Role = "releaser"   // second signature
	Supervisor Role = "supervisor" // binds, overrides, withdraws, approves kits
	Desk       Role = "department" // a requesting department: registers and reads its own
	Admin      Role = "admin"      // people, destinations, policies
	Machine    Role = "machine"    // an instrument adapter or another program, by token
)

// Actor is a person or a machine that does things. Department is 0 unless the actor belongs to a department,
// and then it sees only that department's orders. Lab is 0 for people of the whole city.
type Actor struct {
	ID         int64
	Login      string
	Name       string
	Lab        int64
	Department int64
	Instrument int64 // of a machine token that speaks for one instrument
	Roles      []Role
	Scopes     []string // of an API token: orders:write, results:read, messages:write …
	Lang       string   // zh or en
}

// Has says whether the actor holds one of the roles.
func (a Actor) Has(roles ...Role) bool {
	for _, r := range a.Roles {
		for _, want := range roles {
			if r == want {
				return true
			}
		}
	}
	return false
}

// SubjectKind is what was sampled.
type SubjectKind string

// Kinds of subjects: persons and the objects of the cold chain.
const (
	Person      SubjectKind = "person"
	Product     SubjectKind = "product"
	Packaging   SubjectKind = "packaging"
	Environment SubjectKind = "environment"
	Vehicle     SubjectKind = "vehicle"
	Surface     SubjectKind = "surface"
)

// Mode is how a tube was filled: how many orders it may hold (domain 1.1).
type Mode string

// The modes of collection.
const (
	Single    Mode = "single"
	Household Mode = "household"
	Mixed5    Mode = "mixed5"
	Mixed10   Mode = "mixed10"
	Mixed20   Mode = "mixed20"
)

// Capacity is the largest number of orders in one tube.
func (m Mode) Capacity() int {
	switch m {
	case Single:
		return 1
	case Mixed5:
		return 5
	case Household, Mixed10:
		return 10
	case Mixed20:
		return 20
	}
	return 0
}

// Category is the class of an order; it decides priority, deadline and whether pooling is allowed.
type Category string

// The categories (domain 1.6, R07).
const (
	CloseContact Category = "close_contact"
	KeyPerson    Category = "key_person"
	FeverClinic  Category = "fever_clinic"
	ColdChain    Category = "cold_chain"
	Screening    Category = "screening"
	Voluntary    Category = "voluntary"
)

// Clock limits of an order: receipt to result (clock B) and collection to result (clock A).
type Clocks struct {
	A time.Duration // T7 - T0
	B time.Duration // T7 - T3
}
