package sheet

import (
	"strconv"

	"natlims/instruments/unpack"
)

// The codes of what was expected of a workbook; see unpack.Error. Their numbers are stable, the texts are in package words.
const (
	wantSheets    = "W301" // at most N sheets
	wantCells     = "W302" // at most N cells
	wantRow       = "W303" // a row numbered 1 to N
	wantColumn    = "W304" // a column numbered 1 to N
	wantCellSize  = "W305" // a cell of at most N bytes
	wantStrings   = "W306" // at most N shared strings
	wantRepeats   = "W307" // 1 to N repetitions
	wantIndex     = "W308" // an index of 1 to N
	wantSheet     = "W309" // a sheet with cells
	wantPart      = "W310" // the part that is named
	wantReference = "W311" // the reference of a cell
	wantShared    = "W312" // one of N shared strings
	wantOpen      = "W313" // a workbook without a password
	wantTableEnd  = "W314" // the end of the table
	wantOLE       = "W320" // a whole OLE2 file
	wantSector    = "W321" // sectors of 512 or 4096 bytes
	wantChains    = "W322" // a table of sectors inside the file
	wantChain     = "W323" // a sector of N
	wantStream    = "W324" // the N bytes that a stream states
	wantBook      = "W330" // a stream that begins as a workbook
	wantRecord    = "W331" // a whole record
	wantStart     = "W332" // a sheet that begins at that byte, and no other
	wantSheetEnd  = "W333" // the end of the sheet before the next one
	wantNest      = "W334" // at most N nested sheets
	wantText      = "W335" // a whole text
)

func damaged(code string, value int) *unpack.Error {
	return &unpack.Error{Kind: unpack.ErrDamaged, Code: code, Value: strconv.Itoa(value)}
}

// limit refuses what is above n.
func limit(code string, n, line int, value string) *unpack.Error {
	return &unpack.Error{Kind: unpack.ErrTooLarge, Code: code, N: n, Line: line, Value: value}
}
