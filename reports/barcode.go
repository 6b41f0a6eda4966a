package reports

import (
	"fmt"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/code128"
	"github.com/boombuler/barcode/qr"
)

// code128 draws a Code 128 (ISO/IEC 15417) of w x h points as filled rectangles: bars stay sharp at any resolution.
// What Code 128 cannot hold is left out; the text beside it stays.
func (s *sheet) code128(x, y, w, h float64, content string) {
	code, err := code128.Encode(content)
	if err != nil {
		return
	}
	module := w / float64(code.Bounds().Dx())
	s.modules(code, 0, func(from, to int) { s.bar(x+float64(from)*module, y, float64(to-from)*module, h, ink{}) })
}

// qr draws a QR code (ISO/IEC 18004, error correction M) of side x side points without its quiet zone.
func (s *sheet) qr(x, y, side float64, content string) {
	code, err := qr.Encode(content, qr.M, qr.Unicode)
	if err != nil {
		s.keep(fmt.Errorf("QR code of %d bytes: %w", len(content), err))
		return
	}
	n := code.Bounds().Dy()
	module := side / float64(n)
	for row := range n {
		s.modules(code, row, func(from, to int) {
			s.bar(x+float64(from)*module, y+float64(row)*module, float64(to-from)*module, module+0.02, ink{})
		})
	}
}

// modules calls run for each run of dark modules of one row.
func (s *sheet) modules(code barcode.Barcode, row int, run func(from, to int)) {
	n := code.Bounds().Dx()
	for i := 0; i < n; i++ {
		if !dark(code, i, row) {
			continue
		}
		from := i
		for i < n && dark(code, i, row) {
			i++
		}
		run(from, i)
	}
}

func dark(code barcode.Barcode, x, y int) bool {
	r, _, _, _ := code.At(x, y).RGBA()
	return r < 0x8000
}
