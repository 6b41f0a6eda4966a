package reports

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf16"
)

// mendable is an entry of a ToUnicode map whose character lies beyond U+FFFF, as gopdf v0.33.0 writes it: five hex digits, which
// readers take for another character. ISO 32000-1, 9.10.3 asks for UTF-16BE.
var mendable = regexp.MustCompile(`(<[0-9A-F]{4}><[0-9A-F]{4}><)([0-9A-F]{5,6})(>\n)`)

// mendToUnicode rewrites such entries, so that a rare name is found and copied as it is drawn, and moves what refers
// to later bytes: the length of the stream, the cross references and their own place.
func mendToUnicode(pdf []byte) ([]byte, error) {
	from := bytes.Index(pdf, []byte("/CIDInit /ProcSet"))
	to := from + bytes.Index(pdf[max(from, 0):], []byte("endstream"))
	if from < 0 || to < from {
		return nil, fmt.Errorf("PDF without a ToUnicode map")
	}
	old := pdf[from:to]
	if !mendable.Match(old) {
		return pdf, nil
	}
	mended := mendable.ReplaceAllFunc(old, func(entry []byte) []byte {
		m := mendable.FindSubmatch(entry)
		code, _ := strconv.ParseUint(string(m[2]), 16, 32)
		high, low := utf16.EncodeRune(rune(code))
		return fmt.Appendf(nil, "%s%04X%04X%s", m[1], high, low, m[3])
	})

	// The object's dictionary is nothing but its length, see gopdf's UnicodeMap.
	length := bytes.LastIndex(pdf[:from], []byte("/Length "))
	head := fmt.Appendf(nil, "/Length %d\n>>\nstream\n", len(mended))
	body := bytes.Join([][]byte{pdf[:length], head, mended, pdf[to:]}, nil)
	return moveReferences(body, to, len(body)-len(pdf))
}

// moveReferences adds shift to every cross reference to a byte beyond edge.
func moveReferences(pdf []byte, edge, shift int) ([]byte, error) {
	tail := bytes.LastIndex(pdf, []byte("startxref\n"))
	table := bytes.LastIndex(pdf[:max(tail, 0)], []byte("xref\n0 "))
	if tail < 0 || table < 0 {
		return nil, fmt.Errorf("PDF without a table of references")
	}
	references := regexp.MustCompile(`(?m)^\d{10} 00000 n $`).ReplaceAllFunc(pdf[table:tail], func(line []byte) []byte {
		offset, _ := strconv.Atoi(string(line[:10]))
		if offset > edge {
			offset += shift
		}
		return fmt.Appendf(nil, "%010d 00000 n ", offset)
	})
	return append(append(pdf[:table:table], references...), fmt.Appendf(nil, "startxref\n%d\n%%%%EOF\n", table)...), nil
}
