package hl7

import (
	"fmt"
	"strings"
)

// Field is the content of one field: repeats of components of subcomponents. No text in it can become a delimiter.
type Field [][][]string

// Text is a field of one text.
func Text(s string) Field { return Field{{{s}}} }

// Parts is a field of components.
func Parts(c ...string) Field {
	parts := make([][]string, len(c))
	for i, s := range c {
		parts[i] = []string{s}
	}
	return Field{parts}
}

// Subs is a field of one component with subcomponents.
func Subs(s ...string) Field { return Field{{s}} }

// Builder writes segments in UTF-8 with the standard delimiters.
type Builder struct{ out []byte }

// Head is what a message says of itself. Time is YYYYMMDDHHMMSS with the zone where it is known.
type Head struct {
	Sender, Receiver Field // MSH-3, MSH-5
	Time             string
	Type             []string // MSH-9: code, trigger, structure
	ID               string   // MSH-10
	Version          string   // MSH-12; "" = 2.5.1
	Accept, App      string   // MSH-15, MSH-16
	Profile          string   // MSH-21
}

// Header writes MSH. Messages are UTF-8 and say so, except for GeneXpert, which knows no MSH-18.
func (b *Builder) Header(h Head) {
	if h.Version == "" {
		h.Version = "2.5.1"
	}
	charset := "UNICODE UTF-8"
	if strings.HasPrefix(h.Version, "2.5") && h.Version == "2.5" {
		charset = ""
	}
	b.out = append(b.out, `MSH|^~\&`...)
	b.fields([]Field{h.Sender, nil, h.Receiver, nil, Text(h.Time), nil, Parts(h.Type...), Text(h.ID), Text("P"),
		Text(h.Version), nil, nil, Text(h.Accept), Text(h.App), nil, Text(charset), nil, nil, parts(h.Profile)})
}

// parts cuts a fixed text such as LAB-29^IHE into components.
func parts(s string) Field { return Parts(strings.Split(s, "^")...) }

// Segment writes a segment. Fields begin with field 1.
func (b *Builder) Segment(id string, fields ...Field) {
	b.out = append(b.out, id...)
	b.fields(fields)
}

// Bytes is what was written: segments, each ended by CR.
func (b *Builder) Bytes() []byte { return b.out }

func (b *Builder) fields(fields []Field) {
	for len(fields) > 0 && empty(fields[len(fields)-1]) {
		fields = fields[:len(fields)-1]
	}
	for _, f := range fields {
		b.out = append(b.out, '|')
		for i, comps := range f {
			if i > 0 {
				b.out = append(b.out, '~')
			}
			for j, subs := range comps {
				if j > 0 {
					b.out = append(b.out, '^')
				}
				for k, s := range subs {
					if k > 0 {
						b.out = append(b.out, '&')
					}
					b.text(s)
				}
			}
		}
	}
	b.out = append(b.out, CR)
}

func empty(f Field) bool {
	for _, comps := range f {
		for _, subs := range comps {
			for _, s := range subs {
				if s != "" {
					return false
				}
			}
		}
	}
	return len(f) < 2
}

func (b *Builder) text(s string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '|':
			b.out = append(b.out, `\F\`...)
		case '^':
			b.out = append(b.out, `\S\`...)
		case '&':
			b.out = append(b.out, `\T\`...)
		case '~':
			b.out = append(b.out, `\R\`...)
		case '\\':
			b.out = append(b.out, `\E\`...)
		default:
			if c < ' ' || c == 0x7F {
				b.out = fmt.Appendf(b.out, `\X%02X\`, c)
			} else {
				b.out = append(b.out, c)
			}
		}
	}
}
