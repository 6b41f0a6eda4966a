package reports

import (
	"fmt"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/code128"
	"github.com/boombuler/barcode/qr"
)

const (
	widest    = 1.34 // points of a module of a bar code
	narrowest = 0.54 // 0.19 mm, the least that common scanners read
)

// code128 draws a Code 128 (ISO/IEC 15417) as filled rectangles, h points high and at most most wide, so that it ends at right:
// bars stay sharp at any resolution. It gives the width. What Code 128 cannot hold or would be too fine to read is left out (0);
// the text below it stays.
func (s *sheet) code128(right, y, most, h float64, content string) float64 {
	code, err := code128.Encode(content)
	if err != nil {
		return 0
	}
	n := float64(code.Bounds().Dx())
	module := min(widest, most/n)
	if module < narrowest {
		return 0
	}
	x := right - n*module
	s.modules(code, 0, func(from, to int) { s.bar(x+float64(from)*module, y, float64(to-from)*module, h, ink{}) })
	return n * module
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
