package unpack_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/instruments/unpack"
)

// tokens writes the tokens of a document in a line.
func tokens(text string) (string, error) {
	s := unpack.NewScanner(text)
	var out []string
	for {
		k, err := s.Next()
		if err != nil {
			return strings.Join(out, " "), err
		}
		switch k {
		case 0:
			return strings.Join(out, " "), nil
		case unpack.Start:
			id, err := s.Attr("id")
			if err != nil {
				return strings.Join(out, " "), err
			}
			if id != "" {
				id = fmt.Sprintf("[%s]", id)
			}
			out = append(out, "<"+s.Name+id)
		case unpack.End:
			out = append(out, s.Name+">")
		case unpack.Chars:
			t, err := s.Plain()
			if err != nil {
				return strings.Join(out, " "), err
			}
			out = append(out, fmt.Sprintf("%q", t))
		}
	}
}

func TestXML(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`<a/>`: `<a a>`,
		"\ufeff<?xml version=\"1.0\"?>\n<!-- <x> -->\n<a></a>\n": `<a a>`,
		`<r:a xmlns:r="u" r:id='1'><b id = "2 &gt; 1"/></r:a>`:   `<a[1] <b[2 > 1] b> a>`,
		`<a>x&amp;&#20013;&#x4e2d;y</a>`:                         `<a "x&中中y" a>`,
		`<a><![CDATA[<b>&amp;]]></a>`:                            `<a "<b>&amp;" a>`,
		`<a><b>1</b><?p?>2<!-- c -->3</a >`:                      `<a <b "1" b> "2" "3" a>`,
		`<a id=">">x</a>`:                                        `<a[>] "x" a>`,
	} {
		got, err := tokens(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestXMLRefusals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                  "W221",
		"text":              "W220",
		"<a>":               "W221",
		"<a":                "W224",
		"<a><b></a></b>":    "W228",
		"</a>":              "W228",
		"<a/><b/>":          "W225",
		"<a/>x":             "W220",
		"x<a/>":             "W220",
		"<a>&nbsp;</a>":     "W230",
		"<a>&x</a>":         "W230",
		"<a>&#0x;</a>":      "W230",
		"<a>&#x110000;</a>": "W230",
		`<!DOCTYPE a SYSTEM "http://x/y.dtd"><a/>`: "W223",
		`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`: "W223",
		`<!ENTITY b "c"><a/>`:                      "W223",
		"<a><!-- </a>":                             "W222",
		"<a><![CDATA[</a>":                         "W222",
		"<?xml":                                    "W222",
		"<a id=1/>":                                "W229",
		`<a id="1/>`:                               "W224",
		"< a/>":                                    "W226",
		"<a b<c/>":                                 "W224",
		"<![CDATA[x]]><a/>":                        "W220",
	} {
		_, err := tokens(text)
		require.ErrorIs(t, err, unpack.ErrDamaged, text)
		require.Equal(t, want, code(err), text)
	}
	_, err := tokens(strings.Repeat("<a>", 1_000_000))
	require.ErrorIs(t, err, unpack.ErrTooLarge)
	require.Equal(t, "W227", code(err))
}

func TestValue(t *testing.T) {
	t.Parallel()
	const doc = `<a>x<b>in</b>y<!-- -->&amp;<c>z</c></a>`
	start := func() *unpack.Scanner {
		s := unpack.NewScanner(doc)
		k, err := s.Next()
		require.NoError(t, err)
		require.Equal(t, unpack.Start, k)
		return s
	}
	v, err := start().Value()
	require.NoError(t, err)
	require.Equal(t, "xy&", v)
	v, err = start().All()
	require.NoError(t, err)
	require.Equal(t, "xiny&z", v)
	require.NoError(t, start().Skip())
	require.NoError(t, start().Rest())
	require.Error(t, func() error { s := unpack.NewScanner(doc[:20]); _, _ = s.Next(); return s.Rest() }())
}

func TestXMLText(t *testing.T) {
	t.Parallel()
	const want = `<?xml version="1.0" encoding="%s"?><a>中</a>`
	utf16le := func(s string) []byte {
		var b []byte
		for _, r := range s {
			b = append(b, byte(r), byte(r>>8))
		}
		return b
	}
	for name, raw := range map[string][]byte{
		"utf-8":  []byte(fmt.Sprintf(want, "utf-8")),
		"UTF-8":  append([]byte("\xef\xbb\xbf"), fmt.Sprintf(want, "UTF-8")...),
		"utf-16": append([]byte("\xff\xfe"), utf16le(fmt.Sprintf(want, "utf-16"))...),
		"UTF-16": utf16le(fmt.Sprintf(want, "UTF-16")),
		"gb2312": []byte(strings.Replace(fmt.Sprintf(want, "gb2312"), "中", "\xd6\xd0", 1)),
	} {
		got, err := unpack.XMLText(raw)
		require.NoError(t, err, name)
		require.Equal(t, fmt.Sprintf(want, name), got, name)
	}
	got, err := unpack.XMLText([]byte("<?xml version='1.0' encoding='windows-1251'?><a>\xcb\xf3\xed\xea\xe0</a>"))
	require.NoError(t, err)
	require.Contains(t, got, "Лунка")
	_, err = unpack.XMLText([]byte("<a>\xd6\xd0</a>"))
	require.ErrorIs(t, err, unpack.ErrEncoding)
}

// What encoding/xml escapes is read as it was.
func TestXMLRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~\n中é]{0,20}`).Draw(t, "text")
		var b strings.Builder
		require.NoError(t, xml.EscapeText(&b, []byte(text)))
		s := unpack.NewScanner(`<a id="` + b.String() + `">` + b.String() + `</a>`)
		_, err := s.Next()
		require.NoError(t, err)
		id, err := s.Attr("id")
		require.NoError(t, err)
		require.Equal(t, text, id)
		v, err := s.Value()
		require.NoError(t, err)
		require.Equal(t, text, v)
	})
}

// No input makes the scanner accept what encoding/xml refuses as not nested, or stop short of the end.
func FuzzXML(f *testing.F) {
	f.Add(`<?xml version="1.0"?><rdml version="1.2"><a id="1">x&amp;<b/></a><![CDATA[y]]></rdml>`)
	f.Fuzz(func(t *testing.T, text string) {
		s := unpack.NewScanner(text)
		open := 0
		for {
			k, err := s.Next()
			if err != nil {
				return
			}
			switch k {
			case 0:
				if open != 0 {
					t.Fatal("elements are open at the end")
				}
				return
			case unpack.Start:
				open++
				_, _ = s.Attr("id")
			case unpack.End:
				open--
			case unpack.Chars:
				_, _ = s.Plain()
			}
		}
	})
}
