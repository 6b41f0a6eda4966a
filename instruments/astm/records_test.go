package astm

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"
)

func TestRecords(t *testing.T) {
	t.Parallel()
	r := NewRecords("\r\n  H|@^\\|id||A^B^C\r\n\nO|1|S&1||^^^T@^^^U\nR|1|^^^T^^Ct|^27.5|||\rL|1|N")
	var types []byte
	for r.Next() {
		types = append(types, r.Type())
		switch r.Type() {
		case 'H':
			require.Equal(t, GeneXpert, r.Delims())
			require.Equal(t, "id", r.Raw(3))
			require.Equal(t, "B", r.Part(5, 2))
			require.Empty(t, r.Part(5, 4))
		case 'O':
			require.Equal(t, "S&1", r.Text(3))
			require.Equal(t, []string{"^^^T", "^^^U"}, r.Repeats(5))
			require.Nil(t, r.Repeats(9))
		case 'R':
			require.Equal(t, "T^Ct", r.Join(3))
			require.Equal(t, "27.5", r.Join(4))
			require.Empty(t, r.Raw(99))
			require.Equal(t, 3, r.Line())
		}
	}
	require.Equal(t, "HORL", string(types))
}

func TestDelims(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]Delims{
		"H|\\^&|||X":   Standard,
		"H|@^\\|||X":   GeneXpert,
		"H|\\\\^&|||X": Standard, // a doubled backslash, as stored captures have
		"H":            Standard,
		"H|":           Standard,
		"HELLO":        Standard,
		"H!~$":         {'!', '~', '$', '&'},
	} {
		require.Equal(t, want, delims(header+" "), header)
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"DB&E&23-33E22": "DB&23-33E22",
		"a&F&b&S&c&R&d": "a|b^c\\d",
		"A & B & C":     "A & B & C",
		"A&B":           "A&B",
		"&X41426A&":     "ABj",
		"&XC9&":         "É",
		"&XE6A0B7&":     "样",
		"&XZZ&":         "&XZZ&",
		"&Z683799D83D&": "&Z683799D83D&",
		"&Z6837&":       "样",
		"&H&bold&N&":    "bold",
		"&&":            "&&",
		"":              "",
	} {
		require.Equal(t, want, Standard.Unescape(in), in)
	}
	require.Equal(t, "A@B & C|D", GeneXpert.Unescape("A\\R\\B & C\\F\\D"))
}

// TestRoundTrip: what is built reads back as it was given, whatever it holds, and the number of records is what was written (F22).
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[|^&@~\\\r\n\x00-\x1f\x7f样É😀A]{0,12}`))
		d := rapid.SampledFrom([]Delims{Standard, GeneXpert}).Draw(t, "delims")
		page := rapid.SampledFrom([]*charmap.Charmap{nil, charmap.ISO8859_1}).Draw(t, "page")
		b := Builder{D: d, Page: page}
		b.Header(Text("id"))
		rows := rapid.SliceOfN(rapid.SliceOfN(text, 3, 3), 0, 5).Draw(t, "rows")
		for _, row := range rows {
			b.Record('R', Text(row[0]), Parts("", row[1], "x"), Field{{row[2]}, {"y"}})
		}
		b.Record('L', Text("1"))
		out := b.Bytes()
		if bytes.IndexFunc(out, forbidden) >= 0 {
			t.Fatalf("control characters in %q", out)
		}
		s := string(out)
		if page != nil {
			s, _ = page.NewDecoder().String(s)
		}
		r := NewRecords(s)
		for i := -1; r.Next(); i++ {
			if i < 0 || i >= len(rows) {
				continue
			}
			got := []string{r.Text(2), r.Part(3, 2), r.Delims().Unescape(append(r.Repeats(4), "")[0])}
			for k := range got {
				if got[k] != strings.ToValidUTF8(rows[i][k], "\ufffd") {
					t.Fatalf("%q came back as %q in %q", rows[i][k], got[k], s)
				}
			}
		}
		if r.Line() != len(rows)+2 {
			t.Fatalf("%d records in %q", r.Line(), s)
		}
	})
}

func TestQuery(t *testing.T) {
	t.Parallel()
	head := "H|@^\\|M1||ICU^GeneXpert^1.0|||||LIS||P|1394-97|20260101\r"
	for record, want := range map[string]Query{
		"Q|1|ALL||||||||||O@N\r":                  {All: true},
		"Q|1|^S1||||||||||O@N\r":                  {Samples: []Asked{{Specimen: "S1"}}},
		"Q|1|P1^S1^I1@P2^S2||^^^A@^^^B|||||||O\r": {Samples: []Asked{{"P1", "S1", "I1"}, {"P2", "S2", ""}}, Tests: []string{"A", "B"}},
		"Q|1|S1||ALL||||||||O\r":                  {Samples: []Asked{{Specimen: "S1"}}},
		"Q|1|||||||||||A\r":                       {Cancel: true},
		"Q|1|^S1||^^^T||||||||F\r":                {Results: true, Samples: []Asked{{Specimen: "S1"}}, Tests: []string{"T"}},
	} {
		want.ID, want.From = "M1", "ICU"
		got, err := ParseQuery(head + record + "L|1|N\r")
		require.NoError(t, err)
		require.Equal(t, want, got, record)
	}
	_, err := ParseQuery(head + "L|1|N\r")
	require.ErrorIs(t, err, ErrNoQuery)
	_, err = ParseQuery(head + "Q|1|" + strings.Repeat("^a@", MaxAsked+1) + "\r")
	require.Error(t, err)
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	h := Head{ID: "A1", Sender: "LIS", Receiver: "GeneXpert PC", Time: "20260101120000"}
	b := Builder{D: GeneXpert}
	b.Answer(h, []Order{
		{Patient: "p1", Specimen: "s1", Tests: []string{"FT", "BC"}, Ordered: "20260101", Material: "ORH"},
		{Specimen: "a|b\r", Tests: []string{"FT"}, Priority: "S", Cancel: true},
	})
	require.Equal(t, "H|@^\\|A1||LIS|||||GeneXpert PC||P|1394-97|20260101120000\r"+
		"P|1|||p1\r"+
		"O|1|s1||^^^FT|R|20260101|||||A||||ORH||||||||||Q\r"+
		"O|2|s1||^^^BC|R|20260101|||||A||||ORH||||||||||Q\r"+
		"P|2\r"+
		"O|1|a\\F\\b\\X0D\\||^^^FT|S||||||C||||||||||||||Q\r"+
		"L|1|F\r", string(b.Bytes()))
	b = Builder{}
	b.Answer(h, nil)
	require.True(t, strings.HasSuffix(string(b.Bytes()), "\rL|1|I\r"))
	b = Builder{}
	b.Download(h, []Order{{Specimen: "s1", Tests: []string{"T"}}})
	require.Contains(t, string(b.Bytes()), "|O\rL|1|N\r")
}

func TestUnframe(t *testing.T) {
	t.Parallel()
	for name, stream := range devices() {
		c := Unframe(stream)
		require.Equal(t, small, string(c.Text), name)
		require.True(t, c.Framed)
		if name != "each frame twice" {
			require.Empty(t, c.Remarks, name)
		}
	}
	frames := Frames([]byte(small), SendOptions{OneRecord: true})
	broken := bytes.Clone(frames[3])
	broken[6] ^= 1
	answered := bytes.Join([][]byte{{ENQ, ACK}, frames[0], {ACK}, frames[1], {ACK}, frames[2], {ACK}, broken, {NAK}, frames[3], {ACK},
		frames[4], {ACK}, frames[5], {ACK, EOT}}, nil)
	c := Unframe(answered)
	require.Equal(t, small, string(c.Text), "a log of both sides; the broken frame came again")
	require.Len(t, c.Remarks, 1)

	c = Unframe(bytes.Join([][]byte{frames[0], broken, frames[5]}, nil))
	require.Equal(t, []string{CodeChecksum, CodeGap}, []string{c.Remarks[0].Code, c.Remarks[1].Code})
	require.Equal(t, []byte("H|\\^&|||X^1\rL|1|N\r"), append(bytes.Clone(c.Text[:12]), c.Text[len(c.Text)-6:]...))

	require.Equal(t, small, string(Unframe([]byte(small)).Text))
	require.Equal(t, "H|\\^&\rL|1\r", strings.ReplaceAll(string(Unframe([]byte("\x05H|\\^&\rL|1\r\x00\x04")).Text), "\r\r", "\r")[1:])
	tokens := "<ENQ><STX>1H|\\^&<CR><ETX>E5<CR><LF>\n<STX>2L|1<CR><ETX>3C<CR><LF><EOT>"
	require.Equal(t, "H|\\^&\rL|1\r", string(Unframe([]byte(tokens)).Text))
	require.Equal(t, "frame without an end", Unframe([]byte("\x021H|\\^&|||X")).Remarks[0].Text)
}

func FuzzReceiver(f *testing.F) {
	for _, s := range devices() {
		f.Add(s)
	}
	f.Add([]byte("\x05\x021H|\x05\x04\x021H|\r\x03"))
	f.Fuzz(func(t *testing.T, p []byte) {
		o := Options{MaxFrame: 300, MaxMessage: 1000}
		r := NewReceiver(o)
		whole := story(r, [][]byte{p}, nil)
		if cap(r.text) > 4096 || cap(r.frame) > max(4096, 2*len(p)) {
			t.Fatalf("%d and %d bytes kept", cap(r.text), cap(r.frame))
		}
		if len(p) < 290 { // above it an oversized frame is noticed earlier byte by byte
			if got := story(NewReceiver(o), bytewise(p), nil); got != whole {
				t.Fatalf("whole:\n%s\nbyte by byte:\n%s", whole, got)
			}
		}
	})
}

func FuzzRecords(f *testing.F) {
	f.Add(small)
	f.Add("H|@^\\|id||A^B^C\rQ|1|^s1@a^b||||||||||O@N\nL|1|I")
	f.Fuzz(func(t *testing.T, s string) {
		c := Unframe([]byte(s))
		n := 0
		for r := NewRecords(string(c.Text)); r.Next(); n++ {
			for i := range 30 {
				r.Text(i)
				r.Join(i)
				r.Part(i, 2)
				r.Repeats(i)
			}
		}
		if n > len(s)+1 {
			t.Fatalf("%d records of %d bytes", n, len(s))
		}
		_, _ = ParseQuery(s)
	})
}
