// Package plate is the geometry of a PCR plate: positions, formats, the content of wells.
//
// It never does I/O and knows neither samples nor kits, only their codes. Invariants: a Pos lies inside
// its Format, a Layout holds each Pos once, and one code stands in two wells only where it is declared
// a replicate or a second arm, or where each target has a well of its own (see Lanes).
package plate

import (
	"fmt"
	"strconv"
)

// Format is the number of rows and columns of a plate.
type Format struct{ Rows, Cols int }

// The two formats in use (ANSI SLAS 4-2004).
var (
	F96  = Format{8, 12}
	F384 = Format{16, 24}
)

// Size is the number of wells.
func (f Format) Size() int { return f.Rows * f.Cols }

// FormatOf is the format of a plate of n wells, false where n is neither 96 nor 384.
func FormatOf(n int) (Format, bool) {
	switch n {
	case 96:
		return F96, true
	case 384:
		return F384, true
	}
	return Format{}, false
}

// Pos is one well, counted from zero. It is written "A1"; "A01" is read as well.
type Pos struct{ Row, Col int }

// At is the position with the given row-major index (0 = A1, 1 = A2 …).
func (f Format) At(index int) Pos { return Pos{index / f.Cols, index % f.Cols} }

// Index is the row-major index of p, counted from zero.
func (f Format) Index(p Pos) int { return p.Row*f.Cols + p.Col }

// Holds says whether p lies on the plate.
func (f Format) Holds(p Pos) bool {
	return p.Row >= 0 && p.Row < f.Rows && p.Col >= 0 && p.Col < f.Cols
}

// String writes the position as "A1".
func (p Pos) String() string { return string(rune('A'+p.Row)) + strconv.Itoa(p.Col+1) }

// ParsePos reads "A1", "A01" or "a1", up to P24. It does not accept blanks or brackets: what an
// instrument wraps around a position its driver takes off.
func ParsePos(s string) (Pos, error) {
	if len(s) < 2 || len(s) > 3 {
		return Pos{}, fmt.Errorf("position %q: expected a letter A-P and a column 1-24", s)
	}
	row := int(s[0]|0x20) - 'a'
	col := 0
	for _, c := range []byte(s[1:]) {
		if c < '0' || c > '9' {
			col = 0
			break
		}
		col = col*10 + int(c-'0')
	}
	p := Pos{row, col - 1}
	if !F384.Holds(p) {
		return Pos{}, fmt.Errorf("position %q: expected a letter A-P and a column 1-24", s)
	}
	return p, nil
}

// MarshalText and UnmarshalText make Pos a string in JSON and a map key.
func (p Pos) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (p *Pos) UnmarshalText(b []byte) (err error) { *p, err = ParsePos(string(b)); return err }
