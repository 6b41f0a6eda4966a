package sheet

import (
	"bytes"
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"

	"natlims/instruments/unpack"
)

func isHTML(raw []byte) bool {
	h := bytes.ToLower(head(raw))
	for _, p := range []string{"<html", "<!doctype html", "<table", "<head", "<meta", "<style", "<body", "<div", "<font"} {
		if bytes.HasPrefix(h, []byte(p)) {
			return bytes.Contains(raw, []byte("<t")) || bytes.Contains(raw, []byte("<T"))
		}
	}
	return false
}

// openHTML takes all rows of all tables of a page as one sheet. HTML is read loosely: unclosed cells are usual.
func openHTML(raw []byte) (*Book, error) {
	text := htmlText(raw)
	read := func(most int) ([]Row, error) {
		p := &page{s: text, most: most}
		if err := p.read(); err != nil {
			return nil, err
		}
		return p.g.rows, nil
	}
	if low := bytes.ToLower(raw); bytes.LastIndex(low, []byte("</table")) < bytes.LastIndex(low, []byte("<tr")) {
		return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantTableEnd}
	}
	if rows, err := read(1); err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("%w: the HTML page holds no table", unpack.ErrNotFound)
	}
	b := &Book{Format: "html"}
	return b, b.add("", read)
}

// htmlText decodes by UTF-8, else by the charset that the page names, else as windows-1252.
func htmlText(raw []byte) string {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if utf8.Valid(raw) {
		return string(raw)
	}
	_, after, _ := bytes.Cut(bytes.ToLower(raw[:min(len(raw), 2048)]), []byte("charset="))
	after = bytes.TrimLeft(after, `"' `)
	if n := bytes.IndexAny(after, "\"' />;"); n >= 0 {
		after = after[:n]
	}
	e, ok := unpack.Charset(string(after))
	if !ok {
		e, _ = unpack.Charset("windows-1252")
	}
	b, err := e.NewDecoder().Bytes(raw)
	if err != nil {
		return strings.ToValidUTF8(string(raw), "\ufffd")
	}
	return string(b)
}

// page walks through the tags of an HTML text.
type page struct {
	s    string
	most int
	g    grid
	line int
	col  int // of the next cell
	span int // columns that the open cell takes, 0 where none is open
	text strings.Builder
}

func (p *page) read() error {
	for p.s != "" {
		n := strings.IndexByte(p.s, '<')
		if n < 0 {
			n = len(p.s)
		}
		if p.span > 0 && p.text.Len() <= MaxCell {
			p.text.WriteString(p.s[:n])
		}
		p.s = p.s[n:]
		end := strings.IndexByte(p.s, '>')
		if end < 0 {
			break
		}
		tag := p.s[1:end]
		if strings.HasPrefix(tag, "!--") {
			if end = strings.Index(p.s, "-->"); end < 0 {
				break
			}
			end += 2
		}
		p.s = p.s[end+1:]
		if err := p.tag(tag); err != nil {
			return err
		}
		if p.most > 0 && len(p.g.rows) >= p.most {
			return nil
		}
	}
	if err := p.close(); err != nil {
		return err
	}
	p.g.end()
	return nil
}

func (p *page) tag(tag string) error {
	name, attrs, _ := strings.Cut(strings.TrimRight(tag, "/ "), " ")
	switch strings.ToLower(name) {
	case "tr", "/tr", "/table":
		if err := p.close(); err != nil {
			return err
		}
		if p.g.line > 0 {
			p.g.end()
		}
		if strings.EqualFold(name, "tr") {
			p.line++
			p.col = 0
			return p.g.begin(p.line)
		}
	case "td", "th":
		if err := p.close(); err != nil {
			return err
		}
		if p.g.line > 0 {
			p.span = colspan(attrs)
		}
	case "/td", "/th":
		return p.close()
	case "br", "br/":
		if p.span > 0 {
			p.text.WriteByte('\n')
		}
	}
	return nil
}

func colspan(attrs string) int {
	_, v, ok := strings.Cut(strings.ToLower(attrs), "colspan=")
	if !ok {
		return 1
	}
	v, _, _ = strings.Cut(strings.TrimLeft(v, `"' `), " ")
	n, err := strconv.Atoi(strings.TrimRight(v, `"' `))
	if err != nil || n < 1 || n > MaxCol {
		return 1
	}
	return n
}

// close ends the open cell.
func (p *page) close() error {
	if p.span == 0 {
		return nil
	}
	text := strings.Trim(html.UnescapeString(p.text.String()), " \t\r\n\u00a0")
	p.text.Reset()
	col := p.col
	p.col += p.span
	p.span = 0
	return p.g.put(col, text)
}
