package instruments

import (
	"natlims/instruments/words"
)

// Want is what was expected: a stable code of package words with its arguments. The arguments are what stands in files, header words and
// limits, so that a driver says what it expects in both languages without a text of its own.
type Want struct {
	Code  string   `json:"code"` // W102; "" nothing is said
	N     int      `json:"n,omitempty"`
	Words []string `json:"words,omitempty"`
}

// The codes of Want that drivers use. Their numbers are stable; the texts are in words/locale.
const (
	wantPlain     = "W100" // in words that have no code
	wantRows      = "W101" // rows below the header; of that section
	wantTable     = "W102" // a table with these columns
	wantSheet     = "W103" // a sheet or section with these columns
	wantColumn    = "W104" // a column of that name
	wantCurveless = "W105" // values of that name; the file holds curves only
	wantList      = "W106" // a Cp table, not a sample list
	wantRun       = "W107" // an experiment that was run
	wantAnalysed  = "W108" // a run that was analysed
	wantCq        = "W109" // reactions with a cq
	wantGrid      = "W110" // a grid of columns and rows
	wantBlock     = "W111" // a block of that name with a test
	wantCell      = "W112" // a cell with a test
	wantWorksheet = "W113" // a worksheet of that name
	wantReading   = "W114"
	wantResult    = "W115" // a result record
	wantNoQuery   = "W116" // a result record; it is a query
	wantNoOrders  = "W117" // a result record; these are orders
	wantOther     = "W118" // a result record; it is another kind of message
	wantRejected  = "W119" // a result record; the order was rejected
	wantHead      = "W120" // the header row of a Mapping
	wantPlaces    = "W121" // the columns of a Mapping
	wantASTM      = "W130"
	wantHL7       = "W131"
	wantXML       = "W132"
	wantPlainXML  = "W133"
	wantDataSet   = "W134"
	wantJSON      = "W135"
	wantArchive   = "W136" // an archive with an XML entry of that root
	wantRoot      = "W137" // that root element
	wantGzip      = "W138"
	wantText      = "W139"
	wantZip       = "W140"
	wantExport    = "W141"
	wantKnown     = "W142"
	wantOne       = "W143"
	wantDriver    = "W144"
	wantLimit     = "W150" // at most N of a unit
	wantNext      = "W160" // one of these record types
	wantNumber    = "W161" // the record numbered N
	wantLast      = "W162" // a record L
	wantEnd       = "W163" // the end of the file
	wantTime      = "W164"
	wantFields    = "W165" // N fields
	wantSame      = "W166" // the same value as before
	wantPrintable = "W167"
	wantAmplified = "W170" // amplification results; the file holds melting only
	wantXLSX      = "W171" // the workbook saved as xlsx
)

// want is an expectation with the words of the file that it names.
func want(code string, words ...string) Want { return Want{Code: code, Words: words} }

// atMost is a limit; unit is a word of words/locale.
func atMost(n int, unit string) Want { return Want{Code: wantLimit, N: n, Words: []string{unit}} }

// Text says it in Chinese ("zh") or English; "" where nothing was expected.
func (w Want) Text(lang string) string {
	if w.Code == "" {
		return ""
	}
	args := map[string]any{"n": w.N, "words": w.Words}
	switch {
	case w.Code == wantLimit && len(w.Words) > 0:
		args["unit"] = words.Say(lang, "unit."+w.Words[0], nil)
	case w.Code == wantRows && len(w.Words) > 0:
		args["words"] = " (" + w.Words[0] + ")"
	}
	return words.Say(lang, "want."+w.Code, args)
}
