package sheet

import (
	"bytes"
	"strconv"
	"strings"

	"natlims/instruments/unpack"
)

// OpenDocument spreadsheets (OASIS ODF 1.3 part 3, 9.1 and 19.385): one document "content.xml" in a zip archive, or the same in
// plain XML (.fods). What is read:
//
//	table@name > table-row@number-rows-repeated > table-cell@number-columns-repeated,@value-type,@value > p
//
// A number is the very text of its value, other cells what is shown in them.
const odsContent = "content.xml"

func isODS(a *unpack.Archive) bool {
	if e, ok := a.Find("mimetype"); ok {
		b, err := a.Head(e, 60)
		return err == nil && strings.HasPrefix(string(b), "application/vnd.oasis.opendocument.spreadsheet")
	}
	e, ok := a.Find(odsContent)
	if !ok {
		return false
	}
	b, err := a.Head(e, 4096)
	return err == nil && bytes.Contains(b, []byte("urn:oasis:names:tc:opendocument"))
}

// isFODS recognises the plain form by its root.
func isFODS(raw []byte) bool {
	h := head(raw)
	return bytes.HasPrefix(h, []byte("<?xml")) && bytes.Contains(h, []byte("office:document")) && bytes.Contains(raw[:min(len(raw), 1<<14)], []byte("opendocument.spreadsheet"))
}

func archiveODS(a *unpack.Archive) (*Book, error) {
	if e, ok := a.Find("META-INF/manifest.xml"); ok {
		if b, err := a.Read(e); err == nil && bytes.Contains(b, []byte("encryption-data")) {
			return nil, &unpack.Error{Kind: unpack.ErrEncrypted, Code: wantOpen}
		}
	}
	e, ok := a.Find(odsContent)
	if !ok {
		return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantPart, Part: odsContent}
	}
	raw, err := a.Read(e)
	if err != nil {
		return nil, err
	}
	return openODS(raw)
}

// openODS reads all tables at once: the document is one text.
func openODS(raw []byte) (*Book, error) {
	text, err := unpack.XMLText(raw)
	if err != nil {
		return nil, err
	}
	s := unpack.NewScanner(text)
	b := &Book{Format: "ods"}
	total := 0
	for {
		k, err := s.Next()
		switch {
		case err != nil:
			return nil, err
		case k == 0:
			if len(b.Sheets) == 0 {
				return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantSheet}
			}
			return b, nil
		case k != unpack.Start:
		case s.Name == "tracked-changes":
			if err := s.Skip(); err != nil { // cells that were deleted
				return nil, err
			}
		case s.Name == "table":
			name, err := s.Attr("name")
			if err != nil {
				return nil, err
			}
			t := odsTable{s: s, g: grid{total: total}}
			if err := t.read(); err != nil {
				return nil, unpack.In(name, 0, err)
			}
			total = t.g.total
			if err := b.add(name, func(int) ([]Row, error) { return t.g.rows, nil }); err != nil {
				return nil, err
			}
		}
	}
}

// odsTable reads the rows of the table that has just started.
type odsTable struct {
	s     *unpack.Scanner
	g     grid
	line  int // of the row under way
	cells []odsCell
}

// odsCell is a cell that holds something, from a column on as often as it is repeated.
type odsCell struct {
	col, times int
	text       string
}

func (t *odsTable) read() error {
	t.line = 1
	for depth := t.s.Depth(); ; {
		k, err := t.s.Next()
		switch {
		case err != nil:
			return err
		case k == 0:
			return &unpack.Error{Kind: unpack.ErrDamaged, Code: wantTableEnd}
		case k == unpack.End && t.s.Depth() < depth:
			t.g.end()
			return nil
		case k != unpack.Start:
		case t.s.Name == "shapes" || t.s.Name == "table":
			err = t.s.Skip()
		case t.s.Name == "table-row":
			err = t.row()
		}
		if err != nil {
			return err
		}
	}
}

// row reads a row and sets it as often as it is repeated; what is empty only counts.
func (t *odsTable) row() error {
	times, err := t.repeated("number-rows-repeated", MaxRow)
	if err != nil {
		return err
	}
	t.cells = t.cells[:0]
	for depth, col := t.s.Depth(), 0; ; {
		k, err := t.s.Next()
		if err != nil {
			return err
		}
		if k == 0 || k == unpack.End && t.s.Depth() < depth {
			break
		}
		if k != unpack.Start || t.s.Name != "table-cell" && t.s.Name != "covered-table-cell" {
			continue
		}
		n, err := t.repeated("number-columns-repeated", MaxCol)
		if err != nil {
			return err
		}
		text, err := t.cell()
		if err != nil {
			return err
		}
		if text != "" {
			t.cells = append(t.cells, odsCell{col, n, text})
		}
		col += n
	}
	if len(t.cells) == 0 {
		t.line += times
		return nil
	}
	for ; times > 0; times-- {
		if err := t.g.begin(t.line); err != nil {
			return err
		}
		for _, c := range t.cells {
			for i := range c.times {
				if err := t.g.put(c.col+i, c.text); err != nil {
					return err
				}
			}
		}
		t.line++
	}
	return nil
}

func (t *odsTable) repeated(name string, most int) (int, error) {
	v, err := t.s.Attr(name)
	if err != nil || v == "" {
		return 1, err
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, limit(wantRepeats, most, t.line, v)
	}
	return n, nil
}

// cell is the text of the cell that has just started.
func (t *odsTable) cell() (string, error) {
	var v [4]string
	for i, name := range []string{"value-type", "value", "boolean-value", "string-value"} {
		var err error
		if v[i], err = t.s.Attr(name); err != nil {
			return "", err
		}
	}
	shown, err := t.shown()
	switch v[0] {
	case "float", "percentage", "currency":
		if v[1] != "" {
			return v[1], err
		}
	case "boolean":
		return strings.ToUpper(v[2]), err
	}
	if shown == "" {
		shown = v[3]
	}
	return shown, err
}

// shown joins the paragraphs of the element that has just started; comments are left out.
func (t *odsTable) shown() (string, error) {
	var b strings.Builder
	for depth, paragraphs := t.s.Depth(), 0; ; {
		k, err := t.s.Next()
		switch {
		case err != nil || k == unpack.End && t.s.Depth() < depth || k == 0:
			return b.String(), err
		case k != unpack.Start:
			continue
		case t.s.Name == "p":
			if paragraphs++; paragraphs > 1 {
				b.WriteByte('\n')
			}
			if err := t.paragraph(&b); err != nil {
				return "", err
			}
		default: // annotations, shapes
			if err := t.s.Skip(); err != nil {
				return "", err
			}
		}
	}
}

// paragraph adds the text of the paragraph that has just started. More than one blank, tabs and line ends are elements (ODF 6.1.3).
func (t *odsTable) paragraph(b *strings.Builder) error {
	for depth := t.s.Depth(); ; {
		k, err := t.s.Next()
		switch {
		case err != nil || k == 0 || k == unpack.End && t.s.Depth() < depth:
			return err
		case k == unpack.Chars:
			text, err := t.s.Plain()
			if err != nil {
				return err
			}
			b.WriteString(text)
		case k != unpack.Start:
		case t.s.Name == "tab":
			b.WriteByte('\t')
		case t.s.Name == "line-break":
			b.WriteByte('\n')
		case t.s.Name == "annotation":
			if err := t.s.Skip(); err != nil {
				return err
			}
		case t.s.Name == "s":
			n, err := t.repeated("c", MaxCell)
			if err != nil {
				return err
			}
			b.WriteString(strings.Repeat(" ", n))
		}
		if b.Len() > MaxCell {
			return limit(wantCellSize, MaxCell, t.line, "")
		}
	}
}
