package pcr

import (
	"math"
	"strconv"
)

// Frame is the size of a small picture in pixels and its scale. Where Low and High are equal the values' own range is used;
// pictures side by side that are to be compared share one.
type Frame struct{ Width, Height, Low, High float64 }

// Sketch is a curve as SVG path data: the first value at the left, High at the top. Values that are no number break the line.
func Sketch(y []float64, f Frame) string {
	low, high := f.Low, f.High
	if low == high {
		low, high = math.Inf(1), math.Inf(-1)
		for _, v := range y {
			if !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if len(y) < 2 || !(high >= low) {
		return ""
	}
	if high == low {
		high = low + 1
	}
	b := make([]byte, 0, 10*len(y))
	pen := byte('M')
	for i, v := range y {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			pen = 'M'
			continue
		}
		at := min(1, max(0, (v-low)/(high-low)))
		b = append(b, pen)
		b = strconv.AppendFloat(b, f.Width*float64(i)/float64(len(y)-1), 'f', 1, 64)
		b = append(b, ' ')
		b = strconv.AppendFloat(b, f.Height*(1-at), 'f', 1, 64)
		pen = 'L'
	}
	return string(b)
}
