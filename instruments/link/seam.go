package link

import (
	"context"
	"errors"
	"time"
)

// Arrival is one message or file as it came in.
type Arrival struct {
	Instrument int64  // of the line's row; 0 for a sender that no row knows
	Wire       string // astm, hl7, raw, file
	Source     string // name of the line
	Kind       Kind   // of the line
	Peer       string // remote address, port or folder
	Name       string // file name, for people
	Bytes      []byte // belongs to the receiver
	Complete   bool   // false: the transmission broke off
	Code       string // why it broke off, as in packages astm and hl7
	At         time.Time
}

// Keep stores an arrival for good. It returns nil only when the bytes would survive a power cut, and returns when the context ends.
type Keep func(context.Context, Arrival) error

// Whole says why a file does not look whole yet; nil where it does, or where nobody can tell.
type Whole func(name string, b []byte) error

// Errors by which Keep says more than "not now".
var (
	// ErrRepeated: these bytes of this instrument are stored already. They are acknowledged.
	ErrRepeated = errors.New("arrived before")
	// ErrRefused: sending the same again will not help. A file is put aside, HL7 answers AE.
	ErrRefused = errors.New("refused for good")
)

// Query is an instrument's question for its orders.
type Query struct {
	Instrument int64
	Wire       string
	Source     string
	Peer       string
	All        bool // every order that waits for this instrument
	Samples    []string
	Patients   []string // of the samples, where the instrument names them; else ""
}

// Order is one tube and the tests wanted of it.
type Order struct {
	ID       string   `json:"id,omitempty"` // of the order, where the protocol has a place for it
	Sample   string   `json:"sample"`
	Patient  string   `json:"patient,omitempty"`
	Tests    []string `json:"tests"`              // codes as the instrument knows them
	Priority string   `json:"priority,omitempty"` // S, A or R; "" = R
	Ordered  string   `json:"ordered,omitempty"`  // YYYYMMDDHHMMSS
	Material string   `json:"material,omitempty"` // as the instrument knows it; "" = its default
	Control  bool     `json:"control,omitempty"`  // a quality control, not a patient's sample
	Cancel   bool     `json:"cancel,omitempty"`   // take the order back
}

// Answer finds the orders a query asks for, within KeepTime. It changes nothing. No orders is an answer; an error is none: the
// instrument is told that its question could not be answered, and asks again.
type Answer func(context.Context, Query) ([]Order, error)
