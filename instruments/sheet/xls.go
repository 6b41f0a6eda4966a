package sheet

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"natlims/instruments/unpack"
)

// Records of MS-XLS 2.3 and of the older formats, whose numbers run parallel (0x0004, 0x0204).
const (
	recEOF, recContinue           = 0x0A, 0x3C
	recCodePage, recFilePass      = 0x42, 0x2F
	recBoundSheet, recSST         = 0x85, 0xFC
	recNumber, recLabel           = 0x203, 0x204
	recBoolErr, recString         = 0x205, 0x207
	recRK, recMulRK               = 0x27E, 0xBD
	recLabelSST, recRString       = 0xFD, 0xD6
	recFormula3, recFormula4      = 0x206, 0x406
	recInteger2, recNumber2       = 0x02, 0x03
	recLabel2, recBoolErr2        = 0x04, 0x05
	recFormula, recString2        = 0x06, 0x07 // recFormula is that of BIFF2, 5, 7 and 8
	recBOF2, recBOF3              = 0x09, 0x209
	recBOF4, recBOF5              = 0x409, 0x809
	biff8, typeWorksheet, maxNest = 0x600, 0, 8
)

// xls is the record stream of a workbook.
type xls struct {
	s       []byte
	version int // 2, 3, 4, 5 (5 and 7) or 8
	page    string
	texts   []string // shared strings of BIFF8
	starts  []int    // where the sheets begin
}

func isBIFF(raw []byte) bool {
	if len(raw) < 8 {
		return false
	}
	id, n := u16(raw), u16(raw[2:])
	return id == recBOF2 && n == 4 || (id == recBOF3 || id == recBOF4) && n == 6 || id == recBOF5 && (n == 8 || n == 16)
}

// openXLS opens the workbook stream of an OLE2 file. An encrypted xlsx lies in one too, and is refused as such.
func openXLS(raw []byte) (*Book, error) {
	c, err := openCFB(raw)
	if err != nil {
		return nil, err
	}
	s, err := c.stream("Workbook", "Book", "WORKBOOK", "BOOK")
	if errors.Is(err, unpack.ErrNotFound) {
		if _, e := c.stream("EncryptedPackage"); !errors.Is(e, unpack.ErrNotFound) {
			return nil, &unpack.Error{Kind: unpack.ErrEncrypted, Code: wantOpen}
		}
	}
	if err != nil {
		return nil, err
	}
	return openBIFF(s)
}

// openBIFF reads the list of sheets; up to BIFF4 a stream is one sheet without a name.
func openBIFF(s []byte) (*Book, error) {
	x := &xls{s: s}
	if !isBIFF(s) {
		return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantBook, Value: hex.EncodeToString(s[:min(len(s), 4)])}
	}
	b := &Book{Format: "xls"}
	switch id := u16(s); {
	case id == recBOF2:
		x.version = 2
	case id == recBOF3:
		x.version = 3
	case id == recBOF4:
		x.version = 4
	case u16(s[4:]) == biff8:
		x.version = 8
	default:
		x.version = 5
	}
	if x.version < 5 {
		return b, b.add("", func(most int) ([]Row, error) { return x.rows(0, most) })
	}
	if err := x.globals(b); err != nil {
		return nil, err
	}
	if len(b.Sheets) == 0 {
		return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantSheet}
	}
	return b, nil
}

// end is where the sheet after the one at byte at begins: sheets that run into each other would be read without end.
func (x *xls) end(at int) (int, error) {
	end, here := len(x.s), 0
	for _, s := range x.starts {
		if s > at {
			end = min(end, s)
		} else if s == at {
			here++
		}
	}
	if here > 1 {
		return 0, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantStart, Offset: at, Value: strconv.Itoa(here)}
	}
	return end, nil
}

// record gives the record at byte p and the place of the next.
func (x *xls) record(p int) (id uint16, body []byte, next int, err error) {
	if p < 0 || p+4 > len(x.s) {
		return 0, nil, 0, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantRecord, Offset: p}
	}
	id, next = u16(x.s[p:]), p+4+int(u16(x.s[p+2:]))
	if next > len(x.s) {
		return 0, nil, 0, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantRecord, Offset: p, Value: hexed(id)}
	}
	return id, x.s[p+4 : next], next, nil
}

// globals reads code page, shared strings and the list of sheets.
func (x *xls) globals(b *Book) error {
	for p := 0; ; {
		id, body, next, err := x.record(p)
		if err != nil {
			return err
		}
		p = next
		switch id {
		case recEOF:
			return nil
		case recFilePass:
			return &unpack.Error{Kind: unpack.ErrEncrypted, Code: wantOpen}
		case recCodePage:
			if len(body) >= 2 {
				x.page = strconv.Itoa(int(u16(body)))
			}
		case recBoundSheet:
			if err := x.bound(b, body); err != nil {
				return err
			}
		case recSST:
			if len(body) < 8 {
				return &unpack.Error{Kind: unpack.ErrDamaged, Code: wantRecord, Offset: p, Value: hexed(id)}
			}
			parts := [][]byte{body[8:]}
			if parts, p, err = x.continued(parts, p); err != nil {
				return err
			}
			t := texts{parts: parts}
			if x.texts, err = t.table(u32(body[4:])); err != nil {
				return err
			}
		}
	}
}

// continued appends the CONTINUE records at byte p.
func (x *xls) continued(parts [][]byte, p int) ([][]byte, int, error) {
	for p+4 <= len(x.s) && u16(x.s[p:]) == recContinue {
		_, body, next, err := x.record(p)
		if err != nil {
			return nil, 0, err
		}
		parts, p = append(parts, body), next
	}
	return parts, p, nil
}

// bound adds a sheet (MS-XLS 2.4.28); charts and macros are left out.
func (x *xls) bound(b *Book, body []byte) error {
	if len(body) < 8 {
		return &unpack.Error{Kind: unpack.ErrDamaged, Code: wantRecord, Value: hexed(recBoundSheet)}
	}
	if body[5] != typeWorksheet {
		return nil
	}
	name, err := x.text(body[6:], 1)
	if err != nil {
		return err
	}
	at := int(u32(body))
	x.starts = append(x.starts, at)
	return b.add(name, func(most int) ([]Row, error) { return x.rows(at, most) })
}

// text reads a string that begins with its length in one or two bytes.
func (x *xls) text(b []byte, lengthBytes int) (string, error) {
	if len(b) < lengthBytes {
		return "", &unpack.Error{Kind: unpack.ErrDamaged, Code: wantText}
	}
	n := int(b[0])
	if lengthBytes == 2 {
		n = int(u16(b))
	}
	b = b[lengthBytes:]
	if x.version == 8 {
		if len(b) < 1 {
			return "", &unpack.Error{Kind: unpack.ErrDamaged, Code: wantText}
		}
		t := texts{parts: [][]byte{b[1:]}}
		return t.chars(n, b[0]&1 != 0)
	}
	if n > len(b) {
		return "", damaged(wantText, n)
	}
	return x.decode(b[:n]), nil
}

// decode reads 8-bit text in the code page of the workbook; windows-1252 where none is known.
func (x *xls) decode(b []byte) string {
	e, ok := unpack.Charset(x.page)
	if !ok {
		e = charmap.Windows1252
	}
	s, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return string(b)
	}
	return string(s)
}

func rk(v uint32) float64 {
	f := math.Float64frombits(uint64(v&^3) << 32)
	if v&2 != 0 {
		f = float64(int32(v) >> 2)
	}
	if v&1 != 0 {
		f /= 100
	}
	return f
}

func double(b []byte) float64 {
	return math.Float64frombits(uint64(u32(b)) | uint64(u32(b[4:]))<<32)
}

func errorText(code byte) string {
	if s, ok := map[byte]string{0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}[code]; ok {
		return s
	}
	return "#ERR" + strconv.Itoa(int(code))
}

// hexed is the number of a record as MS-XLS writes it.
func hexed(id uint16) string { return "0x" + strconv.FormatUint(uint64(id), 16) }

func boolText(v byte) string {
	if v != 0 {
		return "TRUE"
	}
	return "FALSE"
}

// texts reads strings that run on over CONTINUE records (MS-XLS 2.5.293).
type texts struct {
	parts [][]byte
	k, p  int
}

// table reads the shared strings; count is what the record states, never trusted.
func (t *texts) table(count uint32) ([]string, error) {
	var out []string
	for uint32(len(out)) < count {
		n, ok := t.number(2)
		flags, ok2 := t.number(1)
		if !ok || !ok2 {
			break // a count too high is harmless: a cell that points behind the table is refused
		}
		runs, far := 0, 0
		if flags&8 != 0 {
			runs, _ = t.number(2)
		}
		if flags&4 != 0 {
			far, _ = t.number(4)
		}
		s, err := t.chars(n, flags&1 != 0)
		if err != nil {
			return nil, err
		}
		for skip := int64(runs)*4 + int64(far); skip > 0 && t.more(); {
			n := min(skip, int64(len(t.parts[t.k])-t.p))
			t.p += int(n)
			skip -= n
		}
		out = append(out, s)
	}
	return out, nil
}

// more moves to the next part that holds something.
func (t *texts) more() bool {
	for t.p >= len(t.parts[t.k]) {
		if t.k+1 == len(t.parts) {
			return false
		}
		t.k, t.p = t.k+1, 0
	}
	return true
}

func (t *texts) number(bytes int) (v int, ok bool) {
	for i := range bytes {
		if !t.more() {
			return 0, false
		}
		v |= int(t.parts[t.k][t.p]) << (8 * i)
		t.p++
	}
	return v, true
}

// chars reads n characters; a part that goes on with a string begins with flags of its own.
func (t *texts) chars(n int, wide bool) (string, error) {
	units := make([]uint16, 0, n)
	ascii := true
	for len(units) < n {
		if t.p >= len(t.parts[t.k]) {
			if !t.more() {
				return "", damaged(wantText, n)
			}
			wide = t.parts[t.k][0]&1 != 0
			t.p++
			continue
		}
		b := t.parts[t.k][t.p:]
		v := uint16(b[0])
		if wide {
			if len(b) < 2 {
				return "", &unpack.Error{Kind: unpack.ErrDamaged, Code: wantText}
			}
			v = u16(b)
			t.p++
		}
		t.p++
		ascii = ascii && v < 0x80
		units = append(units, v)
	}
	if ascii {
		b := make([]byte, n)
		for i, v := range units {
			b[i] = byte(v)
		}
		return string(b), nil
	}
	return string(utf16.Decode(units)), nil
}
