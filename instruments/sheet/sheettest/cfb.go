package sheettest

import (
	"encoding/binary"
	"unicode/utf16"
)

// CFB writes an OLE2 compound file of one stream in sectors of 512 bytes; streams below 4096 bytes go into the mini stream.
func CFB(e Entry) []byte {
	const free, end, table = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
	body := []byte(e.Body)
	small := len(body) < 4096
	sectors := func(n int) int { return (n + 511) / 512 }
	mini := sectors((len(body) + 63) / 64 * 64)
	data := sectors(len(body))
	if !small {
		mini = 0
	} else {
		data = 0
	}
	// Order: table sectors, directory, mini table, mini stream or stream.
	fats := 1
	for (fats+1+1+mini+data)*4 > fats*512 {
		fats++
	}
	if fats > 109 {
		panic("sheettest: the stream is too large")
	}
	dir, miniFAT, start := fats, fats+1, fats+2
	total := start + mini + data
	fat := make([]uint32, fats*128)
	for i := range fat {
		fat[i] = free
	}
	for i := range fats {
		fat[i] = table
	}
	fat[dir], fat[miniFAT] = end, end
	for i := start; i < total; i++ {
		fat[i] = uint32(i + 1)
	}
	if total > start {
		fat[total-1] = end
	}
	out := make([]byte, 512*(1+total))
	p16, p32 := binary.LittleEndian.PutUint16, binary.LittleEndian.PutUint32
	copy(out, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")
	p16(out[24:], 0x3E)
	p16(out[26:], 3)
	p16(out[28:], 0xFFFE)
	p16(out[30:], 9)
	p16(out[32:], 6)
	p32(out[44:], uint32(fats))
	p32(out[48:], uint32(dir))
	p32(out[56:], 4096)
	p32(out[60:], uint32(miniFAT))
	p32(out[64:], 1)
	p32(out[68:], end)
	for i := range 109 {
		p32(out[76+4*i:], free)
		if i < fats {
			p32(out[76+4*i:], uint32(i))
		}
	}
	for i, v := range fat {
		p32(out[512+4*i:], v)
	}
	entry := func(i int, name string, kind byte, first uint32, size int) {
		at := out[512*(1+dir)+128*i:]
		u := utf16.Encode([]rune(name))
		for k, c := range u {
			p16(at[2*k:], c)
		}
		p16(at[64:], uint16(2*len(u)+2))
		at[66] = kind
		p32(at[68:], free)
		p32(at[72:], free)
		p32(at[76:], free)
		p32(at[116:], first)
		p32(at[120:], uint32(size))
	}
	if small {
		entry(0, "Root Entry", 5, uint32(start), mini*512)
		entry(1, e.Name, 2, 0, len(body))
		blocks := (len(body) + 63) / 64
		if blocks > 128 {
			panic("sheettest: mini stream")
		}
		for i := range 128 {
			v := uint32(free)
			if i < blocks-1 {
				v = uint32(i + 1)
			} else if i == blocks-1 {
				v = end
			}
			p32(out[512*(1+miniFAT)+4*i:], v)
		}
	} else {
		entry(0, "Root Entry", 5, end, 0)
		entry(1, e.Name, 2, uint32(start), len(body))
	}
	copy(out[512*(1+start):], body)
	return out
}
