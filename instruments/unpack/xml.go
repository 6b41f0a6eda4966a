package unpack

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is what a Scanner found.
type Kind uint8

// The kinds of XML tokens. A self-closing element gives Start and then End.
const (
	Start Kind = iota + 1
	End
	Chars
)

// Scanner walks through XML text without copying it: names, attributes and texts are parts of the input.
// It holds the rules of well-formed elements (one root, matching ends, bounded depth) and refuses document types
// and entities other than the five of XML and character references. Namespace prefixes are cut off: the formats
// read here mix them freely and never use one local name in two meanings.
type Scanner struct {
	Name string // local name of the element that starts or ends
	Text string // the characters of a Chars token, entities not yet replaced: see Unescape

	s      string
	pos    int
	attrs  string // the text between name and end of the start tag
	open   []string
	closed bool // the start tag closed itself
	cdata  bool
	rooted bool
}

// NewScanner reads text, which must be UTF-8: see XMLText.
func NewScanner(text string) *Scanner { return &Scanner{s: text, open: make([]string, 0, 16)} }

// Depth is the number of elements that are open, the one of a Start token included.
func (x *Scanner) Depth() int { return len(x.open) }

// Offset is the place in the text behind the token, in bytes.
func (x *Scanner) Offset() int { return x.pos }

// Next gives the next token; 0 and a nil error at the end of the document.
func (x *Scanner) Next() (Kind, error) {
	if x.closed {
		x.closed = false
		return x.pop(x.open[len(x.open)-1])
	}
	for x.pos < len(x.s) {
		if x.s[x.pos] != '<' {
			n := strings.IndexByte(x.s[x.pos:], '<')
			if n < 0 {
				n = len(x.s) - x.pos
			}
			x.Text, x.cdata = x.s[x.pos:x.pos+n], false
			x.pos += n
			if len(x.open) > 0 {
				return Chars, nil
			}
			if strings.Trim(x.Text, " \t\r\n\ufeff\x00") != "" {
				return 0, x.damaged(wantNoText, "")
			}
			continue
		}
		k, err := x.markup()
		if k != 0 || err != nil {
			return k, err
		}
	}
	if len(x.open) > 0 || !x.rooted {
		return 0, x.damaged(wantRootEnd, "")
	}
	return 0, nil
}

// markup reads what begins with "<"; 0 and nil for what is skipped.
func (x *Scanner) markup() (Kind, error) {
	rest := x.s[x.pos:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return 0, x.skip("-->", 4)
	case strings.HasPrefix(rest, "<?"):
		return 0, x.skip("?>", 2)
	case strings.HasPrefix(rest, "<![CDATA["):
		from := x.pos + len("<![CDATA[")
		if err := x.skip("]]>", len("<![CDATA[")); err != nil {
			return 0, err
		}
		if len(x.open) == 0 {
			return 0, x.damaged(wantNoText, "")
		}
		x.Text, x.cdata = x.s[from:x.pos-3], true
		return Chars, nil
	case strings.HasPrefix(rest, "<!"):
		return 0, x.damaged(wantNoType, rest)
	case strings.HasPrefix(rest, "</"):
		n := strings.IndexByte(rest, '>')
		if n < 0 {
			return 0, x.damaged(wantTag, rest)
		}
		x.pos += n + 1
		return x.pop(trimEnd(rest[2:n]))
	}
	return x.start(rest)
}

func (x *Scanner) skip(end string, from int) error {
	n := strings.Index(x.s[x.pos+from:], end)
	if n < 0 {
		return x.damaged(wantMark, x.s[x.pos:])
	}
	x.pos += from + n + len(end)
	return nil
}

func (x *Scanner) start(rest string) (Kind, error) {
	if len(x.open) == 0 && x.rooted {
		return 0, x.damaged(wantOneRoot, rest)
	}
	n := 1
	for n < len(rest) && !blank(rest[n]) && rest[n] != '>' && rest[n] != '/' && rest[n] != '<' {
		n++
	}
	name := rest[1:n]
	if name == "" || len(name) > MaxName {
		return 0, &Error{Kind: ErrDamaged, Code: wantName, N: MaxName, Offset: x.pos, Value: shown(name)}
	}
	end := tagEnd(rest[n:])
	if end < 0 {
		return 0, x.damaged(wantTag, rest)
	}
	if len(x.open) == MaxDepth {
		return 0, &Error{Kind: ErrTooLarge, Code: wantDepth, N: MaxDepth, Offset: x.pos}
	}
	x.attrs = rest[n : n+end]
	x.pos += n + end + 1
	if x.closed = strings.HasSuffix(x.attrs, "/"); x.closed {
		x.attrs = x.attrs[:len(x.attrs)-1]
	}
	x.open, x.rooted, x.Name = append(x.open, name), true, local(name)
	return Start, nil
}

// tagEnd is the offset of the ">" that ends a start tag: not one inside of quotes.
func tagEnd(s string) int {
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i
		case c == '<':
			return -1
		}
	}
	return -1
}

func (x *Scanner) pop(name string) (Kind, error) {
	if len(x.open) == 0 || x.open[len(x.open)-1] != name {
		return 0, x.damaged(wantMatch, "</"+name+">")
	}
	x.open = x.open[:len(x.open)-1]
	x.Name = local(name)
	return End, nil
}

// Attr is the value of an attribute of the start tag, by local name; "" where it is not there.
func (x *Scanner) Attr(name string) (string, error) {
	s := x.attrs
	for {
		eq := strings.IndexByte(s, '=')
		if eq < 0 {
			return "", nil
		}
		key := local(trimEnd(trimStart(s[:eq])))
		s = trimStart(s[eq+1:])
		if s == "" || s[0] != '"' && s[0] != '\'' {
			return "", x.damaged(wantAttr, key)
		}
		n := strings.IndexByte(s[1:], s[0])
		if n < 0 {
			return "", x.damaged(wantAttr, key)
		}
		if key == name {
			return Unescape(s[1 : 1+n])
		}
		s = s[n+2:]
	}
}

// Each calls fn at the start of every element of that local name, up to the end of the document. fn may read on inside of the element.
func (x *Scanner) Each(name string, fn func() error) error {
	for {
		k, err := x.Next()
		if k == 0 || err != nil {
			return err
		}
		if k == Start && x.Name == name {
			if err := fn(); err != nil {
				return err
			}
		}
	}
}

// Value reads the text up to the end of the element that has just started, elements inside left out.
func (x *Scanner) Value() (string, error) {
	return x.join(1)
}

// All reads the text up to the end of the element that has just started, that of elements inside included.
func (x *Scanner) All() (string, error) { return x.join(MaxDepth) }

func (x *Scanner) join(levels int) (string, error) {
	depth, text := len(x.open), ""
	var more []byte // from the second piece on
	for {
		k, err := x.Next()
		switch {
		case err != nil:
			return "", err
		case k == End && len(x.open) < depth:
			if more != nil {
				return string(more), nil
			}
			return text, nil
		case k == Chars && len(x.open) < depth+levels:
			t, err := x.Plain()
			if err != nil {
				return "", err
			}
			switch {
			case more != nil:
				more = append(more, t...)
			case text == "":
				text = t
			default:
				more = append(append(make([]byte, 0, 2*(len(text)+len(t))), text...), t...)
			}
		}
	}
}

// Skip passes over the element that has just started and all in it.
func (x *Scanner) Skip() error {
	for depth := len(x.open); ; {
		k, err := x.Next()
		if err != nil {
			return err
		}
		if k == End && len(x.open) < depth {
			return nil
		}
	}
}

// Plain is the text of a Chars token with its entities replaced.
func (x *Scanner) Plain() (string, error) {
	if x.cdata {
		return x.Text, nil
	}
	return Unescape(x.Text)
}

func (x *Scanner) damaged(code, value string) error {
	return &Error{Kind: ErrDamaged, Code: code, Offset: x.pos, Value: shown(value)}
}

// shown is as much of a text as an error quotes.
func shown(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "")
}

// Unescape replaces the five entities of XML and character references; any other entity is an error.
func Unescape(s string) (string, error) {
	n := strings.IndexByte(s, '&')
	if n < 0 {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for n >= 0 {
		b = append(b, s[:n]...)
		end := strings.IndexByte(s[n:min(len(s), n+12)], ';')
		if end < 0 {
			return "", &Error{Kind: ErrDamaged, Code: wantEntity, Value: strings.ToValidUTF8(s[n:min(len(s), n+12)], "")}
		}
		r, ok := entity(s[n+1 : n+end])
		if !ok {
			return "", &Error{Kind: ErrDamaged, Code: wantEntity, Value: s[n : n+end+1]}
		}
		b = utf8.AppendRune(b, r)
		s = s[n+end+1:]
		n = strings.IndexByte(s, '&')
	}
	return string(append(b, s...)), nil
}

func entity(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if !strings.HasPrefix(name, "#") {
		return 0, false
	}
	digits, base := name[1:], 10
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return 0, false
	}
	return rune(n), true
}

func local(name string) string {
	if i := strings.IndexByte(name, ':'); i >= 0 {
		return name[i+1:]
	}
	return name
}

// trimStart and trimEnd take blanks off; strings.Trim builds a set for them each time, which a document of a million tags feels.
func trimStart(s string) string {
	for s != "" && blank(s[0]) {
		s = s[1:]
	}
	return s
}

func trimEnd(s string) string {
	for s != "" && blank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// Rest sees that the document ends with the end of its root element, without walking through what stands before it.
func (x *Scanner) Rest() error {
	if len(x.open) == 0 {
		return nil
	}
	tail := strings.TrimRight(x.s, " \t\r\n\x00")
	if !strings.HasSuffix(tail, "</"+x.open[0]+">") {
		return x.damaged(wantRootEnd, "")
	}
	x.pos, x.open = len(x.s), x.open[:0]
	return nil
}
