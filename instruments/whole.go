package instruments

import (
	"errors"

	"natlims/lims/pcr"
)

// Whole says why a file does not look whole yet, so that who watches a folder may wait for its writer: an *Error of CodeIncomplete. It is nil
// for a file that is whole, and for one whose format cannot tell: text that ends with a whole row may go on or not. Damage that waiting
// does not mend is told in the same way: an archive without its directory, XML without its end, a row that ends in the middle.
func Whole(name string, raw []byte) (err error) {
	defer func() {
		if recover() != nil { // reading it will say so
			err = nil
		}
	}()
	f := &File{Name: name, Raw: raw}
	runs, why := Decode(f, "")
	var e *Error
	if errors.As(why, &e) && e.Code == CodeDamaged {
		return &Error{Driver: e.Driver, Code: CodeIncomplete, Line: e.Line, Offset: e.Offset, Value: e.Value, Want: want(wantEnd), Err: e}
	}
	if errors.As(why, &e) && e.Code == CodeNoResults { // the only row may be cut
		runs = []pcr.Run{{Driver: e.Driver, Notes: cutNotes(f)}}
	}
	for _, run := range runs {
		for _, n := range run.Notes {
			if n.Code == codeCut || n.Code == codeTestCut {
				return &Error{Driver: run.Driver, Code: CodeIncomplete, Line: n.Line, Offset: -1, Value: cut(n.Text), Want: want(wantEnd)}
			}
		}
	}
	return nil
}

// codeTestCut is the Note of a test of a GeneXpert export that the export does not hold to its end.
const codeTestCut = "test.cut"
