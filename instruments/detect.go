package instruments

import (
	"errors"
	"slices"
	"strings"

	"natlims/lims/pcr"
)

// All are the drivers in the order of their names.
func All() []Driver {
	all := slices.Clone(drivers)
	slices.SortFunc(all, func(a, b Driver) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Find is the driver of that name.
func Find(name string) (Driver, error) {
	for _, d := range drivers {
		if d.Name == name {
			return d, nil
		}
	}
	return Driver{}, &Error{Driver: name, Code: CodeUnknown, Offset: -1, Value: name, Want: want(wantDriver)}
}

// Detect is the driver whose format the content is. The error is CodeUnknown where no driver knows it and CodeAmbiguous
// where two are equally sure.
func Detect(f *File) (Driver, error) {
	if len(f.Raw) > MaxContent {
		return Driver{}, &Error{Code: CodeTooLarge, Offset: -1, Want: atMost(MaxContent, "bytes")}
	}
	f, err := unzipped(f)
	if err != nil {
		return Driver{}, err
	}
	var best Driver
	var rival string
	top := 0
	for _, d := range drivers {
		if d.Sniff == nil {
			continue
		}
		switch n := d.Sniff(f); {
		case n > top:
			best, top, rival = d, n, ""
		case n == top && n > 0:
			rival = d.Name
		}
	}
	if top == 0 {
		err := &Error{Code: CodeUnknown, Offset: -1, Value: start(f), Want: want(wantKnown)}
		if _, why := tryHeads(f); why != nil {
			if f.Workbook() { // it may be known, but cannot be read
				return Driver{}, why
			}
			err.Err = why
		}
		return Driver{}, err
	}
	if rival != "" {
		return Driver{}, &Error{Code: CodeAmbiguous, Offset: -1, Value: best.Name + ", " + rival, Want: want(wantOne)}
	}
	return best, nil
}

// Decode reads the content with the named driver, or with the detected one where name is "". A file without readings
// is an Error of CodeNoResults, never a negative; its runs may still carry curves. Readings and errors carry the driver.
func Decode(f *File, name string) ([]pcr.Run, error) {
	f, err := unzipped(f)
	if err != nil {
		return nil, err
	}
	var d Driver
	if name == "" {
		d, err = Detect(f)
	} else {
		d, err = Find(name)
	}
	if err != nil {
		return nil, err
	}
	return d.Read(f)
}

// MaxRun is the largest number of readings of one run: a 384-well plate with six targets has 2,304.
const MaxRun = 100_000

// Read is Decode with a driver that is not in All, such as that of a Mapping.
func (d Driver) Read(f *File) ([]pcr.Run, error) {
	runs, err := d.Decode(f)
	if d.Wire == WireFile { // a table that cannot be read may hold what is missing
		var e, deeper *Error
		_, why := tryHeads(f)
		if errors.As(why, &deeper) && (deeper.Code == CodeTooLarge || errors.As(err, &e) && e.Code == CodeNoResults && deeper.Code != CodeEncoding) {
			err = why
		}
	}
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Driver == "" {
			e.Driver = d.Name
		}
		return runs, err
	}
	n := 0
	for i := range runs {
		runs[i].Driver = d.Name
		n += len(runs[i].Readings)
		if len(runs[i].Readings) > MaxRun {
			return nil, &Error{Driver: d.Name, Code: CodeTooLarge, Offset: -1, Want: atMost(MaxRun, "readings")}
		}
	}
	if n == 0 {
		return runs, &Error{Driver: d.Name, Code: CodeNoResults, Offset: -1, Want: want(wantReading)}
	}
	if d.Wire == WireFile && !f.Workbook() {
		runs[0].Notes = append(append(runs[0].Notes, badLines(f)...), cutNotes(f)...)
	}
	return runs, nil
}

// badLines are the lines of a text with bytes that are no text, as notes: names and values on them are not as they were written.
func badLines(f *File) (notes []pcr.Note) {
	t, err := f.Text()
	if err != nil {
		return nil // an archive
	}
	for _, n := range t.Bad {
		notes = append(notes, pcr.Note{Line: n, Code: "text.damaged", Text: cut(t.Lines[n-1])})
	}
	return notes
}

// start is the beginning of the content for an error message.
func start(f *File) string { return cut(string(f.Raw[:min(len(f.Raw), 40)])) }

// cut shortens a value that an Error quotes to 80 characters.
func cut(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "") // jsonb holds no NUL
	if r := []rune(s); len(r) > 80 {
		return string(r[:80])
	}
	return s
}
