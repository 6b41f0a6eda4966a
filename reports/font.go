package reports

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"sync"
	"unicode"

	"github.com/signintech/gopdf"
)

// The font is Noto Sans SC Regular 2.004, whole: names need rare characters. It is under the SIL Open Font License 1.1, see font/OFL.txt.
//
//go:embed font/NotoSansSC-Regular.ttf.gz
var fontFile []byte

// geta stands where the font has no glyph, as printers have always done: something was here.
const geta = '〓'

const family = "noto"

// typeface is the font parsed once for all reports of the process.
type typeface struct {
	container gopdf.FontContainer
	glyphs    gopdf.SubsetFontObj
	widths    sync.Map // rune -> float64, in em
}

// noto unpacks and parses the font at first use, about 0.1 s, and keeps about 12 MB.
var noto = sync.OnceValues(func() (*typeface, error) {
	z, err := gzip.NewReader(bytes.NewReader(fontFile))
	if err != nil {
		return nil, fmt.Errorf("embedded font: %w", err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("embedded font: %w", err)
	}
	f := &typeface{}
	option := gopdf.TtfOption{OnGlyphNotFoundSubstitute: func(rune) rune { return geta }}
	if err := f.container.AddTTFFontDataWithOption(family, data, option); err != nil {
		return nil, fmt.Errorf("embedded font: %w", err)
	}
	if err := f.glyphs.SetTTFData(data); err != nil {
		return nil, fmt.Errorf("embedded font: %w", err)
	}
	return f, nil
})

// width of one character in em: 1 for Chinese.
func (f *typeface) width(r rune) float64 {
	if w, ok := f.widths.Load(r); ok {
		return w.(float64)
	}
	glyph, _ := f.glyphs.CharCodeToGlyphIndex(r)
	w := float64(f.glyphs.GlyphIndexToPdfWidth(glyph)) / 1000
	f.widths.Store(r, w)
	return w
}

// has says whether the font can draw r. Index 0 is the font's own "missing" box.
func (f *typeface) has(r rune) bool {
	glyph, err := f.glyphs.CharCodeToGlyphIndex(r)
	return err == nil && glyph != 0
}

// printable turns line breaks and tabs into spaces and what the font cannot draw into 〓.
// gopdf's own hook misses characters that stand in the font's table without a glyph.
func (f *typeface) printable(s string) string {
	clean := true
	for _, r := range s {
		if r < ' ' || r > '~' {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	out := make([]rune, 0, len(s))
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || unicode.Is(unicode.Zs, r) && r != '\u3000':
			r = ' '
		case !f.has(r):
			r = geta
		}
		out = append(out, r)
	}
	return string(out)
}
