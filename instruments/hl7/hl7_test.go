package hl7

import (
	"bytes"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

const oru = "MSH|^~\\&|GeneXpert PC^GeneXpert^6.5||LIS||20260917183827||ORU^R32^ORU_R30|G3|P|2.5|||AL|NE\r" +
	"OBX|1|ST|A&B|C&Ct|^27.3||\rSPM|1|S1^||ORH\r"

func story(d *Deframer, chunks [][]byte) string {
	var b strings.Builder
	tell := func(ev []Event) {
		for _, e := range ev {
			fmt.Fprintf(&b, "%d %s %s %q\n", e.Kind, e.Code, e.Text, e.Bytes)
		}
	}
	for _, c := range chunks {
		tell(d.Feed(t0, c))
	}
	if !d.Deadline().IsZero() {
		tell(d.Expire(d.Deadline()))
	}
	tell(d.Drop())
	return b.String()
}

func bytewise(p []byte) [][]byte {
	out := make([][]byte, len(p))
	for i := range p {
		out[i] = p[i : i+1]
	}
	return out
}

func TestDeframer(t *testing.T) {
	t.Parallel()
	f := string(Frame([]byte(oru)))
	msg := fmt.Sprintf("0   %q\n", oru)
	for name, c := range map[string]struct{ in, want string }{
		"one":                  {f, msg},
		"several":              {f + f + f, msg + msg + msg},
		"no last CR":           {strings.TrimSuffix(f, "\r"), msg},
		"no VT":                {f[1:] + f[1:], msg + msg},
		"no VT after a line":   {"\r\n" + f[1:], msg},
		"no FS":                {strings.TrimSuffix(f, "\x1c\r") + f, fmt.Sprintf("1 block.unended  %q\n", oru) + msg},
		"silence":              {f[:40], fmt.Sprintf("1 block.silence  %q\n", f[1:40])},
		"noise":                {"xyzMS" + f, "2 block.noise 5 bytes outside a block \"\"\n" + msg},
		"empty block":          {"\x0b\x1c\r" + f, msg},
		"MSH between messages": {f + "MSMSH|^~\\&|X\x1c\r", msg + "2 block.noise 2 bytes outside a block \"\"\n0   \"MSH|^~\\\\&|X\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := []byte(c.in)
			require.Equal(t, c.want, story(NewDeframer(0), [][]byte{in}))
			require.Equal(t, c.want, story(NewDeframer(0), bytewise(in)))
			for i := range in {
				require.Equal(t, c.want, story(NewDeframer(0), [][]byte{in[:i], in[i:]}), "split at %d", i)
			}
			r := rand.New(rand.NewSource(1))
			for range 20 {
				var chunks [][]byte
				for p := in; len(p) > 0; {
					n := 1 + r.Intn(len(p))
					chunks, p = append(chunks, p[:n]), p[n:]
				}
				require.Equal(t, c.want, story(NewDeframer(0), chunks))
			}
		})
	}
}

func TestDeframerIsBounded(t *testing.T) {
	t.Parallel()
	d := NewDeframer(100)
	var ev []Event
	d.Feed(t0, []byte{VT})
	for range 1000 {
		require.Empty(t, d.Feed(t0, bytes.Repeat([]byte{'x'}, 64)))
		require.Less(t, cap(d.buf), 1000)
	}
	ev = d.Feed(t0, append([]byte{FS, CR}, Frame([]byte("MSH|^~\\&|A"))...))
	require.Equal(t, CodeSize, ev[0].Code)
	require.Contains(t, ev[0].Text, "64000 bytes")
	require.Equal(t, "MSH|^~\\&|A\r", string(ev[1].Bytes))
	require.True(t, d.Deadline().IsZero())
	d.Feed(t0, []byte{VT, 'M'})
	require.Empty(t, d.Expire(t0.Add(SilenceTime-1)))
	require.Equal(t, CodeSilence, d.Expire(t0.Add(SilenceTime))[0].Code)
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\r", "\n", "\r\n", "\r\r"} {
		m, err := Parse("\x0b" + strings.ReplaceAll(oru, "\r", end) + "\x1c\r")
		require.NoError(t, err)
		require.Len(t, m.Segments, 3)
		code, trigger := m.Type()
		require.Equal(t, "ORU R32 G3", code+" "+trigger+" "+m.ControlID())
		require.Equal(t, "|", m.Field("MSH", 1))
		require.Equal(t, "^~\\&", m.Field("MSH", 2))
		require.Equal(t, "S1", m.Text("SPM", 2))
		require.Equal(t, "C&Ct", m.Field("OBX", 4))
		require.Empty(t, m.Field("OBX", 40))
		require.Empty(t, m.Field("ZZZ", 1))
		require.True(t, m.Has("SPM"))
	}
	m, err := Parse("MSH|^~\\&|A\rOBX|1\nOBX|2\rOBX|3")
	require.NoError(t, err)
	require.Len(t, m.Segments, 4)
	m, err = Parse("MSH$%~\\&$A%B$\r")
	require.NoError(t, err)
	require.Equal(t, "B", m.D.Part(m.Field("MSH", 3), 2))
	_, err = Parse("PID|1\r")
	require.ErrorIs(t, err, ErrNoHeader)
	_, err = Parse("MSH|^~\\&|A\r" + strings.Repeat("\r", MaxSegments))
	require.ErrorIs(t, err, ErrTooMany)
}

func TestSplit(t *testing.T) {
	t.Parallel()
	require.Len(t, Split("FHS|^~\\&\rBHS|^~\\&\r"+oru+oru+"BTS|2\r"), 2)
	require.Len(t, Split(string(Frame([]byte(oru)))+string(Frame([]byte(oru)))), 2)
	require.Len(t, Split(oru+"NTE|1|L|see MSH-3 and MSH|^~\\&|X\r"), 1, "a value that quotes MSH begins no message")
	require.Empty(t, Split("PID|1\r"))
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`FII \T\ FV`: "FII & FV", `\F\\S\\R\\E\`: `|^~\`, `a\.br\b`: "a\nb", `\X0D0A\`: "\r\n", `\XC9\`: "É", `\H\x\N\`: "x",
		`C:\dir\x`: `C:\dir\x`, `\`: `\`, `\Xzz\`: `\Xzz\`, "": "",
	} {
		require.Equal(t, want, Standard.Unescape(in), in)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"HIV^HIV^99ROC": "HIV^HIV^99ROC", "1006^^99ABT": "1006^99ABT", "^A^": "A", "&Q&L": "&Q&L", "": ""} {
		require.Equal(t, want, Standard.Join(in))
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[|^&~\\\r\n\x00-\x1f\x7f样É😀A]{0,12}`))
		rows := rapid.SliceOfN(rapid.SliceOfN(text, 4, 4), 0, 5).Draw(t, "rows")
		var b Builder
		b.Header(Head{ID: "1", Type: []string{"ORU", "R01"}, Sender: Text("MSH|\rMSH|")})
		for _, r := range rows {
			b.Segment("OBX", Text(r[0]), Parts("", r[1], "x"), Subs("y", r[2]), Field{{{r[3]}}, {{"z"}}})
		}
		m, err := Parse(string(b.Bytes()))
		if err != nil || len(m.Segments) != len(rows)+1 || len(Split(string(b.Bytes()))) != 1 {
			t.Fatalf("%d segments in %q: %v", len(m.Segments), b.Bytes(), err)
		}
		for i, want := range rows {
			s := m.Segments[i+1]
			got := []string{m.D.Unescape(m.D.At(s, 1)), m.D.Unescape(m.D.Part(m.D.At(s, 2), 2)),
				m.D.Unescape(strings.SplitN(m.D.At(s, 3), "&", 2)[1]), m.D.First(m.D.At(s, 4))}
			for k := range got {
				if got[k] != want[k] {
					t.Fatalf("%q came back as %q", want[k], got[k])
				}
			}
		}
	})
}

func TestAcks(t *testing.T) {
	t.Parallel()
	codes := func(m15, m16 string, o Outcome) string {
		m, err := Parse("MSH|^~\\&|A||B||1||OUL^R22^OUL_R22|id|P|2.5.1|||" + m15 + "|" + m16 + "\r")
		require.NoError(t, err)
		return strings.Join(m.Codes(o), " ")
	}
	for _, c := range []struct {
		accept, app string
		want        [4]string // Kept, Wrong, Down, Unsupported
	}{
		{"", "", [4]string{"AA", "AE", "AR", "AR"}},           // original mode, cobas 6800
		{"AL", "NE", [4]string{"CA", "CA", "CE", "CR"}},       // GeneXpert
		{"NE", "AL", [4]string{"AA", "AE", "AR", "AR"}},       // Alinity m, cobas 5800
		{"ER", "AL", [4]string{"AA", "AE", "CE AR", "CR AR"}}, // cobas 4800
		{"AL", "AL", [4]string{"CA AA", "CA AE", "CE AR", "CR AR"}},
		{"SU", "ER", [4]string{"CA", "CA AE", "AR", "AR"}},
		{"NE", "NE", [4]string{"", "", "", ""}},
	} {
		for o, want := range c.want {
			require.Equal(t, want, codes(c.accept, c.app, Outcome(o)), "%+v %d", c, o)
		}
	}
	m, err := Parse(oru)
	require.NoError(t, err)
	acks := m.Acks(Kept, Reply{ID: "K1", Time: "20260101"})
	require.Equal(t, "MSH|^~\\&|LIS||GeneXpert PC^GeneXpert^6.5||20260101||ACK|K1|P|2.5|||NE|NE\rMSA|CA|G3\r", string(acks[0]))
	require.Len(t, acks, 1)
	m, err = Parse("MSH|^~\\&|X800 DM||HOST||1||OUL^R22^OUL_R22|a\\F\\b|P|2.5.1|||AL|AL||UNICODE UTF-8|||LAB-29^IHE\r")
	require.NoError(t, err)
	acks = m.Acks(Wrong, Reply{ID: "K2", Time: "2", Text: "no | sample"})
	require.Len(t, acks, 2)
	require.Equal(t, "MSH|^~\\&|HOST||X800 DM||2||ACK^R22^ACK|K2-2|P|2.5.1|||NE|NE||UNICODE UTF-8|||LAB-29^IHE\rMSA|AE|a\\F\\b\r"+
		"ERR|||207^Application internal error^HL70357|E||||no \\F\\ sample\r", string(acks[1]))
	m, err = Parse(string(acks[1]))
	require.NoError(t, err)
	require.Nil(t, m.Acks(Kept, Reply{}), "an acknowledgement is not acknowledged")
}

func TestQueries(t *testing.T) {
	t.Parallel()
	msh := func(typ string) string { return "MSH|^~\\&|X||LIS||1||" + typ + "|Q1|P|2.5\r" }
	for in, want := range map[string]Query{
		msh("QBP^Z01^QBP_Z01") + "QPD|Z01^REQUEST TEST ORDERS|tag|ALL\rRCP|I\r":               {Tag: "tag", Name: "Z01^REQUEST TEST ORDERS", All: true},
		msh("QBP^Z03^QBP_Z03") + "QPD|Z03^HOST QUERY|tag|p1|s1\rRCP|I\r":                      {Tag: "tag", Name: "Z03^HOST QUERY", Patient: "p1", Sample: "s1"},
		msh("QBP^Q11^QBP_Q11") + "QPD|WOS^Work Order Step^IHELAW|tag|s1\rRCP|I||R^^HL70394\r": {Tag: "tag", Name: "WOS^Work Order Step^IHELAW", LAW: true, Sample: "s1"},
		msh("QBP^Q11") + "QPD|WOS^Work Order Step^IHE_LABTF||s1|||\r":                         {Name: "WOS^Work Order Step^IHE_LABTF", LAW: true, Sample: "s1"},
		msh("QCN^J01^QCN_J01") + "QID|tag|N/D\r":                                              {Tag: "tag", Cancel: true},
		msh("QRY^R02") + "QRD|1|R|I|tag||||s1\r":                                              {Tag: "tag", Results: true, Sample: "s1"},
	} {
		m, err := Parse(in)
		require.NoError(t, err)
		want.ID = "Q1"
		got, err := ParseQuery(m)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	m, err := Parse(oru)
	require.NoError(t, err)
	_, err = ParseQuery(m)
	require.ErrorIs(t, err, ErrNoQuery)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	m, err := Parse("MSH|^~\\&|G^GeneXpert^6||LIS||1||QBP^Z03^QBP_Z03|Q1|P|2.5\rQPD|Z03^HOST QUERY|t|p1|s1\rRCP|I\r")
	require.NoError(t, err)
	q, err := ParseQuery(m)
	require.NoError(t, err)
	r := Reply{ID: "A1", Time: "20260101"}
	got := m.Answer(q, r, []Order{{Patient: "p1", Sample: "s1", Tests: []string{"FT", "BC"}, Ordered: "20260102"}})
	require.Len(t, got, 1)
	require.Equal(t, "MSH|^~\\&|LIS||G^GeneXpert^6||20260101||RSP^Z02|A1|P|2.5|||NE|NE\rMSA|AA|Q1\rQAK|t|OK|Z03^HOST QUERY\r"+
		"QPD|Z03^HOST QUERY|t|p1|s1\rPID|1||p1\r"+
		"ORC|NW|1|||||||20260102\rOBR|1|||FT|||||||A\rTQ1|||||||||R\rSPM|1|s1^||ORH|||||||P\r"+
		"ORC|NW|2|||||||20260102\rOBR|2|||BC|||||||A\rTQ1|||||||||R\rSPM|2|s1^||ORH|||||||P\r", string(got[0]))
	require.NotContains(t, string(m.Answer(q, r, nil)[0]), "ORC")

	m, err = Parse("MSH|^~\\&|cobas||LIS||1||QBP^Q11^QBP_Q11|Q2|P|2.5.1|||ER|AL||UNICODE UTF-8|||LAB-27^IHE\rQPD|WOS^Work Order Step^IHELAW|t|s1\r")
	require.NoError(t, err)
	q, err = ParseQuery(m)
	require.NoError(t, err)
	got = m.Answer(q, r, []Order{{ID: "o7", Sample: "s1", Tests: []string{"70241-5^HIV^LN"}}})
	require.Len(t, got, 2)
	require.Contains(t, string(got[0]), "|RSP^K11^RSP_K11|A1|")
	require.Contains(t, string(got[0]), "QAK|t|OK|WOS^Work Order Step^IHELAW\r")
	require.Equal(t, "MSH|^~\\&|LIS||cobas||20260101||OML^O33^OML_O33|A1-2|P|2.5.1|||NE|AL||UNICODE UTF-8|||LAB-28^IHE\r"+
		"SPM|1|s1||\"\"|||||||P^^HL70369\rSAC|||s1\rORC|NW||||||||20260101\rTQ1|||||||||R^^HL70485\rOBR||o7-1||70241-5^HIV^LN\r", string(got[1]))
	require.Contains(t, string(m.Answer(q, r, nil)[1]), "\rORC|DC|")
}

func TestDecode(t *testing.T) {
	t.Parallel()
	head := "MSH|^~\\&|A||B||1||ORU^R01|1|P|2.5||||||"
	for name, c := range map[string]struct{ in, want string }{
		"utf-8":   {head + "UNICODE UTF-8\rNTE|1||样\r", head + "UNICODE UTF-8\rNTE|1||样\r"},
		"nothing": {"MSH|^~\\&|A\rNTE|1||É\r", "MSH|^~\\&|A\rNTE|1||É\r"},
		"latin-1": {head + "8859/1\rNTE|1||D\xc9T\r", head + "8859/1\rNTE|1||DÉT\r"},
		"gb":      {head + "GB 18030-2000\rNTE|1||\xd1\xf9\r", head + "GB 18030-2000\rNTE|1||样\r"},
	} {
		got, ok := Decode([]byte(c.in))
		require.True(t, ok, name)
		require.Equal(t, c.want, got, name)
	}
	_, ok := Decode([]byte("MSH|^~\\&|A\rNTE|1||\xc9\r"))
	require.False(t, ok)
}

func FuzzParse(f *testing.F) {
	f.Add(oru)
	f.Add("MSH|^~\\&|X||L||1||QBP^Q11^QBP_Q11|Q|P|2.5.1\rQPD|WOS|t|s1\r")
	f.Fuzz(func(t *testing.T, s string) {
		for _, one := range Split(s) {
			m, err := Parse(one)
			if err != nil {
				continue
			}
			for _, ack := range m.Acks(Wrong, Reply{ID: "1", Text: s}) {
				back, err := Parse(string(ack))
				if err != nil || len(back.Segments) != 2 && len(back.Segments) != 3 || back.Field("MSA", 2) == "" && m.ControlID() != "" {
					t.Fatalf("acknowledgement %q: %v", ack, err)
				}
			}
			if q, err := ParseQuery(m); err == nil {
				m.Answer(q, Reply{ID: "1"}, []Order{{Sample: s, Tests: []string{s}}})
			}
		}
	})
}

func FuzzDeframer(f *testing.F) {
	f.Add(Frame([]byte(oru)))
	f.Add([]byte("MSMSH|\x0b\x1c\r\x0bMSH"))
	f.Fuzz(func(t *testing.T, p []byte) {
		whole := story(NewDeframer(1000), [][]byte{p})
		if len(p) < 900 && story(NewDeframer(1000), bytewise(p)) != whole {
			t.Fatal("chunks matter")
		}
	})
}
