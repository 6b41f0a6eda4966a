package astm

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Field is the content of one field: repeats of components. No text in it can become a delimiter.
type Field [][]string

// Text is a field of one text.
func Text(s string) Field { return Field{{s}} }

// Parts is a field of components.
func Parts(c ...string) Field { return Field{c} }

// Builder writes records. The zero value writes standard delimiters and UTF-8.
type Builder struct {
	D    Delims           // zero: Standard
	Page *charmap.Charmap // the instrument's code page; nil: UTF-8. Characters outside it are written as Zhhhh escapes.
	out  []byte
}

// Header writes an H record. Fields begin with field 3, the message id.
func (b *Builder) Header(fields ...Field) {
	b.defaults()
	b.out = append(b.out, 'H', b.D.Field, b.D.Repeat, b.D.Component, b.D.Escape)
	b.fields(fields)
}

// Record writes a record of the given type. Fields begin with field 2.
func (b *Builder) Record(kind byte, fields ...Field) {
	b.defaults()
	b.out = append(b.out, kind)
	b.fields(fields)
}

// Bytes is what was written: records, each ended by CR.
func (b *Builder) Bytes() []byte { return b.out }

func (b *Builder) defaults() {
	if b.D == (Delims{}) {
		b.D = Standard
	}
}

func (b *Builder) fields(fields []Field) {
	for len(fields) > 0 && empty(fields[len(fields)-1]) {
		fields = fields[:len(fields)-1]
	}
	for _, f := range fields {
		b.out = append(b.out, b.D.Field)
		for i, parts := range f {
			if i > 0 {
				b.out = append(b.out, b.D.Repeat)
			}
			for j, c := range parts {
				if j > 0 {
					b.out = append(b.out, b.D.Component)
				}
				b.text(c)
			}
		}
	}
	b.out = append(b.out, CR)
}

func empty(f Field) bool {
	return len(f) == 0 || len(f) == 1 && (len(f[0]) == 0 || len(f[0]) == 1 && f[0][0] == "")
}

func (b *Builder) text(s string) {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch {
		case r < 0x80:
			b.ascii(byte(r))
		case b.Page == nil:
			b.out = utf8.AppendRune(b.out, r)
		default:
			if c, ok := b.Page.EncodeRune(r); ok && c >= 0x80 {
				b.out = append(b.out, c)
				continue
			}
			b.units(r)
		}
	}
}

func (b *Builder) ascii(c byte) {
	var letter byte
	switch c {
	case b.D.Field:
		letter = 'F'
	case b.D.Component:
		letter = 'S'
	case b.D.Repeat:
		letter = 'R'
	case b.D.Escape:
		letter = 'E'
	default:
		if c >= ' ' && c != 0x7F {
			b.out = append(b.out, c)
			return
		}
		b.out = fmt.Appendf(b.out, "%cX%02X%c", b.D.Escape, c, b.D.Escape)
		return
	}
	b.out = append(b.out, b.D.Escape, letter, b.D.Escape)
}

func (b *Builder) units(r rune) {
	b.out = append(b.out, b.D.Escape, 'Z')
	for _, u := range utf16.AppendRune(nil, r) {
		b.out = fmt.Appendf(b.out, "%04X", u)
	}
	b.out = append(b.out, b.D.Escape)
}
