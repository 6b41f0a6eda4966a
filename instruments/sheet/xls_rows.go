package sheet

import (
	"fmt"
	"strconv"

	"natlims/instruments/unpack"
)

// xlsReader reads the cells of one sheet. Cells may come in any order, but all programs write them by rows.
type xlsReader struct {
	x    *xls
	g    grid
	most int
	row  int // of the formula whose text follows in a STRING record, -1 for none
	col  int
}

// rows reads the sheet that begins at byte at.
func (x *xls) rows(at, most int) ([]Row, error) {
	r := &xlsReader{x: x, most: most, row: -1}
	end, err := x.end(at)
	if err != nil {
		return nil, err
	}
	for p, nest := at, 0; ; {
		id, body, next, err := x.record(p)
		if err != nil {
			return nil, err
		}
		if p = next; p > end {
			return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantSheetEnd, Offset: at}
		}
		switch id {
		case recBOF2, recBOF3, recBOF4, recBOF5:
			if nest++; nest > maxNest {
				return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantNest, N: maxNest, Offset: p}
			}
			continue
		case recEOF:
			if nest--; nest <= 0 {
				r.g.end()
				return r.g.rows, nil
			}
			continue
		case recFilePass:
			return nil, &unpack.Error{Kind: unpack.ErrEncrypted, Code: wantOpen}
		case recCodePage:
			if x.version < 5 && len(body) >= 2 {
				x.page = fmt.Sprint(u16(body))
			}
		case recString, recString2:
			parts := [][]byte{body}
			if parts, p, err = x.continued(parts, p); err == nil {
				err = r.formulaText(parts)
			}
		default:
			if nest == 1 { // a chart inside has cells of its own
				err = r.cell(id, body)
			}
		}
		if err != nil {
			return nil, unpack.In("", r.g.line, err)
		}
		if nest == 0 {
			return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantStart, Offset: at}
		}
		if most > 0 && len(r.g.rows) >= most {
			return r.g.rows, nil
		}
	}
}

// leastCell is what a cell record holds at least behind row, column and format.
var leastCell = map[uint16]int{
	recNumber: 8, recNumber2: 8, recRK: 4, recLabelSST: 4, recFormula: 8, recFormula3: 8, recFormula4: 8, recInteger2: 2,
	recLabel2: 1, recLabel: 2, recRString: 2, recBoolErr: 2, recBoolErr2: 2,
}

// cell reads a cell record; those without a value are passed over.
func (r *xlsReader) cell(id uint16, b []byte) error {
	head := 6 // row, column, format
	switch {
	case id >= recInteger2 && id <= recBoolErr2, id == recFormula && r.x.version == 2:
		if r.x.version != 2 {
			return nil
		}
		head = 7
	case id == recNumber, id == recLabel, id == recBoolErr, id == recRK, id == recMulRK, id == recLabelSST, id == recRString,
		id == recFormula, id == recFormula3, id == recFormula4:
	default:
		return nil
	}
	if len(b) < head+leastCell[id] {
		return &unpack.Error{Kind: unpack.ErrDamaged, Code: wantRecord, Value: hexed(id)}
	}
	row, col, v := int(u16(b)), int(u16(b[2:])), b[head:]
	if id == recMulRK {
		for i := 0; 4+6*i+6 <= len(b)-2; i++ {
			if err := r.put(row, col+i, Number(rk(u32(b[6+6*i:])))); err != nil {
				return err
			}
		}
		return nil
	}
	text, err := r.value(id, v, row, col)
	if err != nil {
		return err
	}
	return r.put(row, col, text)
}

// value reads what follows the head of a cell record.
func (r *xlsReader) value(id uint16, v []byte, row, col int) (string, error) {
	switch id {
	case recInteger2:
		return fmt.Sprint(u16(v)), nil
	case recNumber, recNumber2:
		return Number(double(v)), nil
	case recRK:
		return Number(rk(u32(v))), nil
	case recLabelSST:
		n := u32(v)
		if int64(n) >= int64(len(r.x.texts)) {
			return "", &unpack.Error{Kind: unpack.ErrDamaged, Code: wantShared, N: len(r.x.texts), Value: strconv.Itoa(int(n))}
		}
		return r.x.texts[n], nil
	case recLabel2:
		return r.x.text(v, 1)
	case recLabel, recRString:
		return r.x.text(v, 2)
	case recBoolErr, recBoolErr2:
		if v[1] == 1 {
			return errorText(v[0]), nil
		}
		return boolText(v[0]), nil
	}
	return r.formula(v, row, col), nil
}

// formula reads the stored result (MS-XLS 2.5.133): a number, or by its first byte a text that follows, a truth value or an error.
func (r *xlsReader) formula(v []byte, row, col int) string {
	if v[6] != 0xFF || v[7] != 0xFF {
		return Number(double(v))
	}
	switch v[0] {
	case 0:
		r.row, r.col = row, col
	case 1:
		return boolText(v[2])
	case 2:
		return errorText(v[2])
	}
	return ""
}

func (r *xlsReader) formulaText(parts [][]byte) error {
	if r.row < 0 {
		return nil
	}
	row, col := r.row, r.col
	r.row = -1
	b := parts[0]
	length := 2
	if r.x.version == 2 {
		length = 1
	}
	if r.x.version != 8 || len(parts) == 1 {
		s, err := r.x.text(b, length)
		if err != nil {
			return err
		}
		return r.put(row, col, s)
	}
	if len(b) < 3 {
		return damaged(wantText, len(b))
	}
	t := texts{parts: append([][]byte{b[3:]}, parts[1:]...)}
	s, err := t.chars(int(u16(b)), b[2]&1 != 0)
	if err != nil {
		return err
	}
	return r.put(row, col, s)
}

func (r *xlsReader) put(row, col int, text string) error {
	if r.g.line != row+1 {
		if err := r.g.begin(row + 1); err != nil {
			return err
		}
	}
	return r.g.put(col, text)
}
