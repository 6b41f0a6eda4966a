package instruments

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"natlims/instruments/astm"
	"natlims/instruments/hl7"
	"natlims/instruments/unpack"
	"natlims/lims/pcr"
)

// wireText is content that came, or could have come, over a wire: ASTM records or HL7 messages, out of their frames.
type wireText struct {
	kind  Wire   // WireASTM, WireHL7; "" if it is neither
	text  string // UTF-8
	from  string // what the first header says of its sender: H-5 or MSH-3
	notes []pcr.Note
}

// wire is the content as wireText. It is made once; content of other kinds costs a look at its first bytes.
func wire(f *File) wireText {
	w, _ := view(f, "wire", func(f *File) (wireText, error) { return readWire(f.Raw), nil })
	return w
}

// Limits of what one content may hold. A day of a city's laboratories is 100,000 readings; an empty record of two bytes
// would otherwise take a hundred times its size in memory.
const (
	MaxReadings = 500_000
	MaxMessages = 50_000
)

// wireFull is the refusal of content above these limits.
func wireFull(what string, limit int) error {
	return &Error{Code: CodeTooLarge, Offset: -1, Want: atMost(limit, what)}
}

// wireDepth is how far into the content the first frame or header is looked for.
const wireDepth = 4096

func readWire(raw []byte) wireText {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if !mayBeWire(raw[:min(len(raw), wireDepth)]) || len(raw) > MaxContent {
		return wireText{}
	}
	var w wireText
	c := astm.Unframe(raw)
	for _, r := range c.Remarks {
		w.notes = append(w.notes, pcr.Note{Line: r.Frame, Code: r.Code, Text: r.Text})
	}
	w.text = w.decode(c)
	switch {
	case strings.Contains(w.text[:min(len(w.text), wireDepth)], "MSH") && len(hl7.Split(w.text)) > 0:
		w.kind = WireHL7
		if m, err := hl7.Parse(hl7.Split(w.text)[0]); err == nil {
			w.from = m.Field("MSH", 3)
		}
	default:
		w.kind = WireASTM
		if r := astm.NewRecords(w.text); r.Next() && r.Type() == 'H' {
			w.from = r.Raw(5)
		}
	}
	return w
}

// decode turns bytes into text: as an HL7 header says, else as they look.
func (w *wireText) decode(c astm.Capture) string {
	raw := c.Text
	switch {
	case !utf8.Valid(raw):
	case c.Framed && len(raw) > 0: // made by Unframe for us, and nobody writes to it again: no copy
		return unpack.InPlace(raw)
	default:
		return string(raw)
	}
	if text, ok := hl7.Decode(raw); ok {
		return text
	}
	text, enc, err := decodeText(raw)
	if err != nil {
		return strings.ToValidUTF8(string(raw), "\ufffd")
	}
	w.notes = append(w.notes, pcr.Note{Code: "text.encoding", Text: "read as " + enc})
	return text
}

// mayBeWire looks for a frame that begins a record or a message, or for a bare header as the first text.
func mayBeWire(head []byte) bool {
	for _, stx := range [...]string{"\x02", "<STX>", "[STX]"} {
		if i := bytes.Index(head, []byte(stx)); i >= 0 {
			rest := head[i+len(stx):]
			if len(rest) > 1 && rest[0] >= '0' && rest[0] <= '7' {
				rest = rest[1:]
			}
			return len(rest) > 1 && beginsRecord(rest)
		}
	}
	if i := bytes.IndexByte(head, hl7.VT); i >= 0 && bytes.HasPrefix(head[i+1:], []byte("MSH")) {
		return true
	}
	head = bytes.TrimLeft(head, " \t\r\n\x00\x04\x05\x06")
	return beginsHeader(head) || bytes.HasPrefix(head, []byte("FHS|")) || bytes.HasPrefix(head, []byte("BHS|"))
}

// beginsHeader: H and at least three delimiters, all different from letters ("H|\^&|"); or MSH.
func beginsHeader(p []byte) bool {
	if bytes.HasPrefix(p, []byte("MSH")) {
		return len(p) > 8 && !letter(p[3])
	}
	return len(p) > 4 && p[0] == 'H' && !letter(p[1]) && !letter(p[2]) && !letter(p[3]) && p[1] > ' ' && p[2] > ' ' && p[1] != ',' && p[1] != ';'
}

func beginsRecord(p []byte) bool {
	return beginsHeader(p) || bytes.IndexByte([]byte("HPOQRCLM"), p[0]) >= 0 && p[1] == '|'
}

func letter(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b == ' ' || b >= 0x80
}

// cqUnits are the units of a cycle number, as key writes them.
var cqUnits = set("ct", "cq", "cp", "cn", "{ct}", "{cq}", "{cp}", "cyclenumber", "cycle", "cycles", "{cycle}", "{cycles}")

// isCqUnit says that a value with this unit is a quantification cycle.
func isCqUnit(unit string) bool { return unit != "" && len(unit) < 20 && cqUnits[key(unit)] }

// setCq reads the value of a reading that reports a quantification cycle. 0 and -1.00 say that there is none
// (GeneXpert, m2000, Alinity); one value has one decimal mark, and no cycle reaches a thousand.
func setCq(g *pcr.Reading, value string) (known bool) {
	rule := CqRule{Mark: Point, Zero: true}
	if strings.IndexByte(value, ',') >= 0 && strings.IndexByte(value, '.') < 0 {
		rule.Mark = Comma
	}
	g.State, g.Cq, g.CqText, known = rule.Read(value)
	return known
}

// setCall takes a value in words as the instrument's own call.
func setCall(g *pcr.Reading, value string) {
	if value != "" && (letter(value[0]) && (value[0] < '0' || value[0] > '9')) {
		g.Call = value
	}
}

// noResults is the refusal of a message that holds none; w says what it is instead.
func noResults(value string, w Want) error {
	return &Error{Code: CodeNoResults, Offset: -1, Value: cut(value), Want: w}
}
