package store

import (
	"encoding/binary"
	"math"
)

// reals is a real[] in the form in which PostgreSQL itself sends it (array_send): a plate's curves are some 50,000 numbers, and writing and
// reading each as text took longer than storing them.
type reals []float32

// BinaryValue implements what lib/pq asks of a parameter that is sent in binary.
func (r reals) BinaryValue() ([]byte, error) {
	const real, size = 700, 4 // the number of the type, and its bytes
	b := make([]byte, 0, 20+8*len(r))
	for _, head := range []int{1, 0, real, len(r), 1} { // dimensions, nulls, type, length, first index
		b = binary.BigEndian.AppendUint32(b, uint32(head))
	}
	for _, v := range r {
		b = binary.BigEndian.AppendUint32(b, size)
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b, nil
}
