package hl7

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// Charset is MSH-18 of the first message in raw as it stands; "" if it says nothing.
func Charset(raw []byte) string {
	at := bytes.Index(raw, []byte("MSH"))
	if at < 0 {
		return ""
	}
	msh := raw[at:]
	if i := bytes.IndexAny(msh, "\r\n"); i >= 0 {
		msh = msh[:i]
	}
	if len(msh) > 4096 || len(msh) < 4 {
		return ""
	}
	return Standard.withField(msh[3]).At(string(msh), 18)
}

func (d Delims) withField(c byte) Delims {
	d.Field = c
	return d
}

var charsets = map[string]encoding.Encoding{
	"8859/1":        charmap.Windows1252, // a superset
	"8859/2":        charmap.ISO8859_2,
	"8859/5":        charmap.ISO8859_5,
	"8859/9":        charmap.ISO8859_9,
	"8859/15":       charmap.ISO8859_15,
	"GB 18030-2000": simplifiedchinese.GB18030,
	"GB18030":       simplifiedchinese.GB18030,
	"GB2312":        simplifiedchinese.GB18030,
	"GBK":           simplifiedchinese.GB18030,
}

// Decode turns bytes into text as MSH-18 says (HL7 table 0211). ok is false where it says nothing or cannot be right:
// then the caller must guess.
func Decode(raw []byte) (text string, ok bool) {
	name := strings.ToUpper(strings.TrimSpace(Charset(raw)))
	if i := strings.IndexByte(name, '~'); i >= 0 {
		name = name[:i]
	}
	if utf8.Valid(raw) {
		return string(raw), true
	}
	if enc, known := charsets[name]; known {
		if b, err := enc.NewDecoder().Bytes(raw); err == nil {
			return string(b), true
		}
	}
	return "", false
}
