package instruments

import (
	"iter"
	"strconv"
	"strings"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// long reads a table in long form: one row for each well and target. Columns that the format does not have are -1.
type long struct {
	well, index, sample, target, dye, cq, call, task, omit, unit, value int

	plate    plate.Format       // what an index counts over; zero where the format writes positions only
	rule     CqRule             // what the cells of the Cq column say; its Mark is decided here
	mark     Mark               // or set by the laboratory
	omitted  map[string]bool    // words of the omit column that exclude a well
	included map[string]bool    // or, where this is set, the words that do not
	flags    []int              // columns of quality flags, which become Status where they are not "N" or empty
	names    []string           // their names
	rotor    bool               // wells may be tube numbers
	skip     func(Row) bool     // rows that are no readings
	fix      func(*pcr.Reading) // last word of the driver
	stop     func(Row) bool     // the row that ends the table
}

// newLong has no columns but those of the header's well and Cq words.
func newLong(h Header) long {
	return long{well: h.Well(), index: -1, sample: -1, target: -1, dye: -1, cq: h.Cq(), call: -1, task: -1, omit: -1, unit: -1, value: -1}
}

// unused is the fix of formats in which an empty Cq says that there is none: a row that names neither sample nor kind is a well not in use.
func unused(g *pcr.Reading) {
	if g.State == pcr.NoCq && g.Sample == "" && (g.Task == "" || strings.EqualFold(g.Task, "none")) {
		g.State = pcr.Blank
	}
}

// maxUnread bounds the rows without a well that are noted between two readings.
const maxUnread = 100

// The words of columns that exclude a well.
var omitWords = set("true", "1", "1.0", "yes", "excluded", "omitted", "x")

// column gives the cells of one column of the rows that hold readings.
func column(rows []Row, col int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, r := range rows {
			if c := r.At(col); c != "" && !yield(c) {
				return
			}
		}
	}
}

// read makes the readings of the rows below the header. A row whose well cannot be read is no reading. It becomes a Note
// where readings follow it, so that no row inside the table is lost in silence, and where its Cq cell holds a number,
// because then something was measured there; what else stands below the last reading are settings.
func (l long) read(rows []Row) (readings []pcr.Reading, notes []pcr.Note) {
	if l.rule.Mark = l.mark; l.mark == 0 {
		l.rule.Mark = CqMark(l.cqCells(rows))
	}
	if l.omitted == nil {
		l.omitted = omitWords
	}
	readings = make([]pcr.Reading, 0, min(len(rows), 4096))
	var unread []pcr.Note
	for _, r := range rows {
		if l.stop != nil && l.stop(r) || len(readings) > MaxRun { // one too many is refused by Read
			break
		}
		if l.skip != nil && l.skip(r) {
			continue
		}
		well, ok := l.position(r)
		if !ok {
			if wellWords[key(r.At(l.well))] && len(r.Cells) > 1 {
				if cqWords[key(r.At(l.cq))] {
					continue // the header again, on a new page
				}
				break // another table
			}
			if c := r.At(l.cq); r.At(l.well) != "" && numeric(c) && len(r.Cells) > 2 {
				notes = append(notes, pcr.Note{Line: r.Line, Code: "well.unreadable", Text: cut(r.At(l.well))})
			} else if len(unread) < maxUnread && !r.Blank() {
				unread = append(unread, pcr.Note{Line: r.Line, Code: "row.unread", Text: cut(strings.Join(r.Cells, " "))})
			}
			continue
		}
		notes, unread = append(notes, unread...), unread[:0]
		readings = append(readings, pcr.Reading{Well: well, Sample: r.At(l.sample), Target: r.At(l.target), Dye: r.At(l.dye), Call: r.At(l.call),
			Task: r.At(l.task), Unit: r.At(l.unit), Value: r.At(l.value), Line: r.Line})
		g := &readings[len(readings)-1]
		if l.included != nil {
			g.Omit = l.omit >= 0 && !l.included[strings.ToLower(r.At(l.omit))]
		} else {
			g.Omit = l.omit >= 0 && l.omitted[strings.ToLower(r.At(l.omit))]
		}
		cell := r.At(l.cq)
		var known bool
		if g.State, g.Cq, g.CqText, known = l.rule.Read(cell); !known {
			notes = append(notes, pcr.Note{Line: r.Line, Code: "cq.unreadable", Text: cut(cell)})
		}
		if g.Omit && g.State == pcr.NoCq && cell == "" {
			g.State = pcr.Blank // an excluded well says nothing
		}
		if g.Target == "" && g.Dye != "" {
			g.Target = "(" + g.Dye + ")" // no target named: the dye stands for it, marked as such
		}
		if len(l.flags) > 0 {
			g.Status = l.status(r)
		}
		if l.fix != nil {
			l.fix(g)
		}
		if g.State == pcr.HasCq && g.Target == "" && g.Sample == "" && g.Dye == "" {
			notes = append(notes, pcr.Note{Line: r.Line, Code: "reading.unassigned", Text: g.Well + " " + g.CqText})
		}
	}
	return readings, notes
}

// cqCells are the Cq cells of the rows that hold a well.
func (l long) cqCells(rows []Row) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, r := range rows {
			if l.stop != nil && l.stop(r) {
				return
			}
			c := r.At(l.cq)
			if c == "" {
				continue
			}
			if _, ok := l.position(r); ok && !yield(c) {
				return
			}
		}
	}
}

// position is the well of a row: a position, the index over the plate, or the tube of a rotor.
func (l long) position(r Row) (string, bool) {
	cell := r.At(l.well)
	if name, ok := WellName(cell); ok {
		return name, true
	}
	if l.rotor {
		if n, ok := index(cell); ok && n > 0 && n <= 384 {
			return strconv.Itoa(n), true
		}
	}
	if l.index >= 0 {
		cell = r.At(l.index)
		if name, ok := WellName(cell); ok {
			return name, true
		}
	}
	if l.plate.Rows > 0 {
		return WellIndex(cell, l.plate)
	}
	return "", false
}

// status lists the flags that are set: "NOAMP=Y HIGHSD=Y".
func (l long) status(r Row) string {
	var s strings.Builder
	for i, col := range l.flags {
		v := r.At(col)
		if v == "" || v == "N" || v == "n" || v == "false" || v == "0" {
			continue
		}
		if s.Len() > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(l.names[i])
		s.WriteByte('=')
		s.WriteString(v)
	}
	return s.String()
}

// largest is the largest index in a column, 0 where it holds none.
func largest(rows []Row, col int) int {
	most := 0
	for _, r := range rows {
		if n, ok := index(r.At(col)); ok && n > most && n <= 9216 {
			most = n
		}
	}
	return most
}

// plateOf is the plate that holds n wells: 96 or 384; none where it would have to hold more, as an array does.
func plateOf(n int) plate.Format {
	if n > plate.F384.Size() {
		return plate.Format{}
	}
	if n > plate.F96.Size() {
		return plate.F384
	}
	return plate.F96
}

// below are the rows under a header.
func below(rows []Row, h Header) []Row { return rows[min(h.Row+1, len(rows)):] }
