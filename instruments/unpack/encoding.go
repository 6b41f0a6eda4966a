package unpack

import (
	"bytes"
	"strings"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// Charset is the decoder of a character set by the name that an XML declaration or a code page number gives it.
func Charset(name string) (encoding.Encoding, bool) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "iso-8859-1", "latin1", "windows-1252", "cp1252", "1252":
		return charmap.Windows1252, true
	case "windows-1250", "cp1250", "1250", "iso-8859-2":
		return charmap.Windows1250, true
	case "windows-1251", "cp1251", "1251":
		return charmap.Windows1251, true
	case "gb2312", "gbk", "gb18030", "cp936", "936", "54936":
		return simplifiedchinese.GB18030, true
	case "437":
		return charmap.CodePage437, true
	case "850":
		return charmap.CodePage850, true
	case "10000":
		return charmap.Macintosh, true
	}
	return nil, false
}

// XMLText gives the UTF-8 text of an XML document by its byte order mark or its declaration (XML 1.0, appendix F).
// The text shares the memory of b where b is UTF-8 already: the caller must not write to b any more.
func XMLText(b []byte) (string, error) {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		b = b[3:]
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		return decode(b, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM))
	case bytes.HasPrefix(b, []byte("<\x00?\x00")):
		return decode(b, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM))
	case bytes.HasPrefix(b, []byte("\x00<\x00?")):
		return decode(b, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM))
	default:
		if e, ok := Charset(declared(b)); ok {
			return decode(b, e)
		}
	}
	if !utf8.Valid(b) {
		return "", &Error{Kind: ErrEncoding, Code: wantXMLEncoding, Value: declared(b)}
	}
	return InPlace(b), nil
}

// InPlace is b as a string, without a copy. Nobody may write to b again.
func InPlace(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func decode(b []byte, e encoding.Encoding) (string, error) {
	u, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return "", &Error{Kind: ErrEncoding, Code: wantDeclared, Err: err}
	}
	return string(u), nil
}

// declared is the encoding that the XML declaration names.
func declared(b []byte) string {
	head := b[:min(len(b), 200)]
	if !bytes.HasPrefix(head, []byte("<?xml")) {
		return ""
	}
	head, _, _ = bytes.Cut(head, []byte("?>"))
	_, v, _ := bytes.Cut(head, []byte("encoding"))
	v = bytes.TrimLeft(v, " \t\r\n=")
	if len(v) < 2 {
		return ""
	}
	n := bytes.IndexByte(v[1:], v[0])
	if n < 0 {
		return ""
	}
	return string(v[1 : 1+n])
}
