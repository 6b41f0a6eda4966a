// Package instruments turns the bytes of instruments into runs and plate layouts into the files that instruments import.
//
// It never does I/O and never judges: what a value means is decided in package pcr. A driver is recognised by content,
// never by a file's name. Invariants: a reading says "no Cq" only where the instrument says so; a file without
// results is refused, never read as negative; every row that could not be read is a Note or an Error; the last row of a
// text that may have been cut off is left out with a Note (see cut.go).
//
// To add an instrument write one file here and one folder in testdata. What the drivers share:
//
//   - File.Text is the content as lines, whatever its encoding and line ends; File.Tables is a text cut into its sections or a
//     workbook into its sheets, so that one interpreter reads both. view keeps a further view of a driver's own.
//   - find gives the header row that a driver knows by its words; long reads the rows below it. The decimal mark is that of the
//     whole column, and a cell that is neither a number nor a known word is a Note and a Blank, never "no Cq".
//   - A Mapping is a driver that a laboratory describes on a page.
//
// Limits: MaxContent for every file, MaxRun for every run, MaxLines, MaxRows, MaxCells and MaxRow for text; those of packages unpack and sheet for
// archives and workbooks. Beyond them content is refused with CodeTooLarge, never cut short.
package instruments

import (
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Wire says how the bytes of a driver arrive.
type Wire string

// The wires.
const (
	WireFile Wire = "file"
	WireASTM Wire = "astm"
	WireHL7  Wire = "hl7"
)

// Driver reads one format and, where the instrument takes a plate file, writes it.
type Driver struct {
	Name     string // stable, lower case, as in `lims decode --driver NAME`
	Title    string // instrument and software, for people
	Wire     Wire
	Verified bool // false: the layout comes from documents or third-party readers, never tried on an instrument

	// Sniff scores the content from 0 (not mine) to 100 (certain). It must be cheap: it is asked of every driver.
	Sniff func(*File) int
	// Decode reads the whole content; one Run for each run or session in it. Errors are *Error; with CodeNoResults the
	// runs may hold curves.
	Decode func(*File) ([]pcr.Run, error)
	// Setup writes the plate file that the instrument imports; nil where it takes none.
	Setup func(plate.Layout) (SetupFile, error)
}

// SetupFile is a plate file for an instrument to import.
type SetupFile struct {
	Name  string // suggested file name, made from the plate code only
	Type  string // MIME type
	Bytes []byte
}

var drivers []Driver // filled by init functions, never written again

func register(d Driver) { drivers = append(drivers, d) }
