package instruments

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// Limits of text content. At all of them together a text takes about 0.5 GB: its bytes twice, its lines and cells at 16
// bytes each, and 272 bytes a reading. An export of 384 wells, 6 dyes and 50 cycles has 120,000 rows.
const (
	MaxLines = 2 << 20   // lines of a text
	MaxRows  = 512 << 10 // rows of one table
	MaxCells = 4 << 20   // cells of one table
	MaxRow   = 4096      // cells of one row; what follows is dropped with the row kept
	maxBad   = 100       // lines with bad bytes that are listed
)

// The encodings of Text.
const (
	UTF8        = "utf-8"
	UTF16LE     = "utf-16le"
	UTF16BE     = "utf-16be"
	GB18030     = "gb18030"
	Windows1251 = "windows-1251"
	Latin1      = "latin-1" // read as windows-1252, which holds all of it
)

// Text is content as lines of UTF-8.
type Text struct {
	Encoding string
	Lines    []string // without line ends (LF, CRLF, CR); Lines[i] is line i+1
	Bad      []int    // lines that hold bytes which are no text of the encoding, shown as U+FFFD; at most 100
	Open     string   // the last line where no line end closes it: the text may have been cut off inside it
}

// readText decides on the encoding in this order: byte order mark, zero bytes of UTF-16, an encoding declared by XML,
// valid UTF-8, damaged UTF-8, GB18030 or windows-1251 where their reading gives words of laboratory headers, Latin-1.
func readText(f *File) (Text, error) {
	if len(f.Raw) > MaxContent {
		return Text{}, &Error{Code: CodeTooLarge, Offset: -1, Want: atMost(MaxContent, "bytes")}
	}
	body, enc, err := decodeText(f.Raw)
	if err != nil {
		return Text{}, err
	}
	return linesOf(body, enc)
}

// linesOf takes decoded text apart. Cepheid's export repeats U+FEFF between its blocks; it is dropped everywhere.
func linesOf(body, enc string) (t Text, err error) {
	if strings.Contains(body, "\ufeff") {
		body = strings.ReplaceAll(body, "\ufeff", "")
	}
	t = Text{Encoding: enc}
	if t.Lines, err = splitLines(body); err != nil {
		return Text{}, err
	}
	if n := len(body); n > 0 && body[n-1] != '\n' && body[n-1] != '\r' {
		t.Open = t.Lines[len(t.Lines)-1]
	}
	if strings.Contains(body, "\ufffd") {
		for i, l := range t.Lines {
			if strings.Contains(l, "\ufffd") && len(t.Bad) < maxBad {
				t.Bad = append(t.Bad, i+1)
			}
		}
	}
	return t, nil
}

func decodeText(raw []byte) (body, enc string, err error) {
	switch {
	case bytes.HasPrefix(raw, []byte{0xEF, 0xBB, 0xBF}):
		return strings.ToValidUTF8(string(raw[3:]), "\ufffd"), UTF8, nil
	case bytes.HasPrefix(raw, []byte{0xFF, 0xFE}):
		return fromUTF16(raw[2:], binary.LittleEndian), UTF16LE, nil
	case bytes.HasPrefix(raw, []byte{0xFE, 0xFF}):
		return fromUTF16(raw[2:], binary.BigEndian), UTF16BE, nil
	}
	if i := bytes.IndexByte(raw[:min(len(raw), 4096)], 0); i >= 0 {
		switch zeros(raw) {
		case UTF16LE:
			return fromUTF16(raw, binary.LittleEndian), UTF16LE, nil
		case UTF16BE:
			return fromUTF16(raw, binary.BigEndian), UTF16BE, nil
		}
		return "", "", &Error{Code: CodeEncoding, Offset: int64(i), Value: fmt.Sprintf("%q", raw[:min(len(raw), 8)]), Want: want(wantText)}
	}
	if declared(raw) == Windows1251 {
		return decoders[Windows1251](raw), Windows1251, nil
	}
	if utf8.Valid(raw) {
		return string(raw), UTF8, nil
	}
	if n := halfRune(raw); n > 0 && utf8.Valid(raw[:len(raw)-n]) { // cut off inside a character
		return string(raw[:len(raw)-n]) + "\ufffd", UTF8, nil
	}
	if good, bad := multibyte(raw); good > 4*bad {
		return strings.ToValidUTF8(string(raw), "\ufffd"), UTF8, nil
	}
	if s := decoders[GB18030](raw); declared(raw) == GB18030 || hasWord(s, hanWords) {
		return s, GB18030, nil
	}
	if s := decoders[Windows1251](raw); hasWord(s, cyrillicWords) {
		return s, Windows1251, nil
	}
	return decoders[Latin1](raw), Latin1, nil
}

// decoders read bytes in a named encoding; what is no text of it becomes U+FFFD.
var decoders = map[string]func([]byte) string{
	UTF8:        func(b []byte) string { return strings.ToValidUTF8(string(b), "\ufffd") },
	UTF16LE:     func(b []byte) string { return fromUTF16(b, binary.LittleEndian) },
	UTF16BE:     func(b []byte) string { return fromUTF16(b, binary.BigEndian) },
	GB18030:     func(b []byte) string { return decodeWith(simplifiedchinese.GB18030.NewDecoder().Bytes, b) },
	Windows1251: func(b []byte) string { return decodeWith(charmap.Windows1251.NewDecoder().Bytes, b) },
	Latin1:      func(b []byte) string { return decodeWith(charmap.Windows1252.NewDecoder().Bytes, b) },
}

func decodeWith(decode func([]byte) ([]byte, error), raw []byte) string {
	b, err := decode(raw)
	if err != nil { // these decoders replace what they cannot read; an error would lose content
		return strings.ToValidUTF8(string(raw), "\ufffd")
	}
	return string(b)
}

// Words that tell a laboratory's text from the same bytes read in a wrong encoding.
var (
	hanWords      = []string{"反应孔", "孔位", "孔号", "样本", "样品", "检测", "目标", "通道", "荧光", "项目", "实验", "结果", "阴性", "阳性", "编号", "名称", "日期"}
	cyrillicWords = []string{"лунка", "Лунка", "образец", "Образец", "проба", "Проба", "канал", "Канал", "результат", "Результат", "Имя", "имя", "Дата"}
)

func hasWord(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// declared is the encoding that an XML declaration names, "" where it names none that needs care.
func declared(raw []byte) string {
	head := bytes.ToLower(raw[:min(len(raw), 200)])
	if !bytes.HasPrefix(bytes.TrimSpace(head), []byte("<?xml")) {
		return ""
	}
	switch {
	case bytes.Contains(head, []byte("windows-1251")):
		return Windows1251
	case bytes.Contains(head, []byte("gb2312")), bytes.Contains(head, []byte("gbk")), bytes.Contains(head, []byte("gb18030")):
		return GB18030
	}
	return ""
}

// zeros recognises UTF-16 without a mark by where the zero bytes of its ASCII characters stand.
func zeros(raw []byte) string {
	head := raw[:min(len(raw), 4096)&^1]
	var even, odd int
	for i, b := range head {
		if b == 0 && i%2 == 0 {
			even++
		} else if b == 0 {
			odd++
		}
	}
	switch half := len(head) / 2; {
	case odd > half/2 && even <= odd/50:
		return UTF16LE
	case even > half/2 && odd <= even/50:
		return UTF16BE
	}
	return ""
}

func fromUTF16(raw []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = order.Uint16(raw[2*i:])
	}
	s := string(utf16.Decode(units))
	if len(raw)%2 == 1 {
		s += "\ufffd"
	}
	return s
}

// halfRune is the number of bytes at the end that begin a character of UTF-8 and do not end it.
func halfRune(raw []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(raw); n++ {
		if b := raw[len(raw)-n]; utf8.RuneStart(b) {
			if b < utf8.RuneSelf || utf8.FullRune(raw[len(raw)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}

// multibyte counts the characters of more than one byte and the bytes that are no UTF-8.
func multibyte(raw []byte) (good, bad int) {
	for i := 0; i < len(raw); {
		if raw[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	return good, bad
}

// splitLines splits on LF, CRLF, CR CR LF and CR.
func splitLines(body string) ([]string, error) {
	lines := make([]string, 0, strings.Count(body, "\n")+1)
	for len(body) > 0 {
		line, rest, _ := strings.Cut(body, "\n")
		body = rest
		line = strings.TrimRight(line, "\r")
		for {
			i := strings.IndexByte(line, '\r')
			if i < 0 {
				break
			}
			lines = append(lines, line[:i])
			line = line[i+1:]
			if len(lines) > MaxLines {
				break
			}
		}
		if lines = append(lines, line); len(lines) > MaxLines {
			return nil, &Error{Code: CodeTooLarge, Line: MaxLines, Offset: -1, Want: atMost(MaxLines, "lines")}
		}
	}
	return lines, nil
}
