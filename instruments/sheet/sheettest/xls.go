package sheettest

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf16"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Version is the record format of an xls.
type Version int

// The versions that XLS writes.
const (
	BIFF2 Version = 2 // a naked stream of one sheet
	BIFF5 Version = 5 // texts in code page 936
	BIFF8 Version = 8
)

// XLS writes a workbook. Cells that look like numbers are written as numbers: whole ones and hundredths as RK, others as doubles;
// "=TEXT" as a formula with that text as its stored result, "TRUE" and "FALSE" as truth values.
func XLS(v Version, sheets ...Sheet) []byte {
	w := xls{v: v}
	if v == BIFF2 {
		w.bof(0x10)
		w.cells(sheets[0])
		w.rec(0x0A)
		return w.b
	}
	w.bof(5)
	w.rec(0x42, 0xA8, 0x03)
	var places []int
	for _, s := range sheets {
		places = append(places, len(w.b)+4)
		name := w.text(s.Name, 1)
		w.rec(0x85, append([]byte{0, 0, 0, 0, 0, 0}, name...)...)
	}
	if v == BIFF8 {
		w.sst(sheets)
	}
	w.rec(0x0A)
	for i, s := range sheets {
		binary.LittleEndian.PutUint32(w.b[places[i]:], uint32(len(w.b)))
		w.bof(0x10)
		w.cells(s)
		w.rec(0x0A)
	}
	name := "Workbook"
	if v == BIFF5 {
		name = "Book"
	}
	return CFB(Entry{name, string(w.b)})
}

type xls struct {
	v     Version
	b     []byte
	index map[string]int
}

func (w *xls) rec(id uint16, body ...byte) {
	w.b = binary.LittleEndian.AppendUint16(w.b, id)
	w.b = binary.LittleEndian.AppendUint16(w.b, uint16(len(body)))
	w.b = append(w.b, body...)
}

func (w *xls) bof(kind byte) {
	switch w.v {
	case BIFF2:
		w.rec(0x09, 2, 0, kind, 0)
	case BIFF5:
		w.rec(0x809, 0, 5, kind, 0, 0, 0, 0, 0)
	default:
		w.rec(0x809, 0, 6, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
}

// text writes a string with its length in n bytes.
func (w *xls) text(s string, n int) []byte {
	if w.v == BIFF8 {
		u := utf16.Encode([]rune(s))
		b := length(len(u), n)
		b = append(b, 1)
		for _, c := range u {
			b = binary.LittleEndian.AppendUint16(b, c)
		}
		return b
	}
	enc, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(s))
	must(err)
	return append(length(len(enc), n), enc...)
}

func length(n, bytes int) []byte {
	b := []byte{byte(n)}
	if bytes == 2 {
		b = append(b, byte(n>>8))
	}
	return b
}

// maxRecord is the largest body of a record; what is longer goes on in CONTINUE records.
const maxRecord = 8224

// sst writes the shared strings: Latin ones in one byte a character, and where a record is full the string goes on in the
// next one behind flags of its own.
func (w *xls) sst(sheets []Sheet) {
	w.index = map[string]int{}
	var list []string
	for _, s := range sheets {
		for _, r := range s.Rows {
			for _, c := range r {
				if _, ok := w.index[c]; !ok && c != "" {
					w.index[c] = len(list)
					list = append(list, c)
				}
			}
		}
	}
	body := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	body = binary.LittleEndian.AppendUint32(body, uint32(len(list)))
	id := uint16(0xFC)
	flush := func() {
		w.rec(id, body...)
		id, body = 0x3C, nil
	}
	for _, s := range list {
		u := utf16.Encode([]rune(s))
		wide := byte(0)
		for _, c := range u {
			if c > 0xFF {
				wide = 1
			}
		}
		if len(body)+3 > maxRecord {
			flush()
		}
		body = append(binary.LittleEndian.AppendUint16(body, uint16(len(u))), wide)
		for _, c := range u {
			if len(body)+1+int(wide) > maxRecord {
				flush()
				body = append(body, wide)
			}
			if wide == 1 {
				body = binary.LittleEndian.AppendUint16(body, c)
			} else {
				body = append(body, byte(c))
			}
		}
	}
	flush()
}

func (w *xls) cells(s Sheet) {
	for r, row := range s.Rows {
		for c, text := range row {
			if text != "" {
				w.cell(r, c, text)
			}
		}
	}
}

func (w *xls) cell(row, col int, text string) {
	head := []byte{byte(row), byte(row >> 8), byte(col), byte(col >> 8), 0, 0}
	if w.v == BIFF2 {
		head = append(head, 0)
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case text == "TRUE" || text == "FALSE":
		b := byte(0)
		if text == "TRUE" {
			b = 1
		}
		w.rec(map[Version]uint16{BIFF2: 5, BIFF5: 0x205, BIFF8: 0x205}[w.v], append(head, b, 0)...)
	case text[0] == '=':
		w.rec(6, append(head, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0)...)
		if w.v == BIFF2 {
			w.rec(7, w.text(text[1:], 1)...)
		} else {
			w.rec(0x207, w.text(text[1:], 2)...)
		}
	case err == nil && number.MatchString(text):
		w.number(head, f)
	case w.v == BIFF2:
		w.rec(4, append(head, w.text(text, 1)...)...)
	case w.v == BIFF5:
		w.rec(0x204, append(head, w.text(text, 2)...)...)
	default:
		w.rec(0xFD, binary.LittleEndian.AppendUint32(head, uint32(w.index[text]))...)
	}
}

func (w *xls) number(head []byte, f float64) {
	if w.v != BIFF2 {
		for mark, v := range []float64{f, f * 100} {
			if n := int32(v); float64(n) == v && n > -1<<29 && n < 1<<29 && float64(n)/[]float64{1, 100}[mark] == f {
				w.rec(0x27E, binary.LittleEndian.AppendUint32(head, uint32(n)<<2|2|uint32(mark))...)
				return
			}
		}
	}
	w.rec(map[Version]uint16{BIFF2: 3, BIFF5: 0x203, BIFF8: 0x203}[w.v], binary.LittleEndian.AppendUint64(head, math.Float64bits(f))...)
}
