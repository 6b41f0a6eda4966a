package sheettest

import (
	"encoding/binary"
	"unicode/utf16"
)

// Marks of the sector table (MS-CFB 2.1) and sizes.
const (
	cfbFree, cfbEnd, cfbTable = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
	cfbSector, cfbBlock       = 512, 64
	cfbSmall                  = 4096 // streams below this size lie in the mini stream
)

// CFB writes an OLE2 compound file of one stream in sectors of 512 bytes. In this order: table sectors, directory, mini table,
// then the mini stream or the stream itself.
func CFB(e Entry) []byte {
	body := []byte(e.Body)
	small := len(body) < cfbSmall
	data := (len(body) + cfbSector - 1) / cfbSector
	tables := 1
	for (tables+2+data)*4 > tables*cfbSector {
		tables++
	}
	if tables > 109 {
		panic("sheettest: the stream is too large")
	}
	c := cfb{tables: tables, start: tables + 2}
	c.out = make([]byte, cfbSector*(1+c.start+data))
	c.header()
	c.table(c.start + data)
	if small {
		c.entry(0, "Root Entry", 5, uint32(c.start), data*cfbSector)
		c.entry(1, e.Name, 2, 0, len(body))
		c.mini((len(body) + cfbBlock - 1) / cfbBlock)
	} else {
		c.entry(0, "Root Entry", 5, cfbEnd, 0)
		c.entry(1, e.Name, 2, uint32(c.start), len(body))
	}
	copy(c.sector(c.start), body)
	return c.out
}

type cfb struct {
	out           []byte
	tables, start int // number of table sectors, first sector of the data
}

func (c cfb) sector(n int) []byte { return c.out[cfbSector*(1+n):] }

func p16(b []byte, v int)    { binary.LittleEndian.PutUint16(b, uint16(v)) }
func p32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }

func (c cfb) header() {
	copy(c.out, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")
	for at, v := range map[int]int{24: 0x3E, 26: 3, 28: 0xFFFE, 30: 9, 32: 6} {
		p16(c.out[at:], v)
	}
	for at, v := range map[int]uint32{44: uint32(c.tables), 48: uint32(c.tables), 56: cfbSmall, 60: uint32(c.tables + 1), 64: 1, 68: cfbEnd} {
		p32(c.out[at:], v)
	}
	for i := range 109 {
		p32(c.out[76+4*i:], cfbFree)
		if i < c.tables {
			p32(c.out[76+4*i:], uint32(i))
		}
	}
}

// table chains the sectors of the data up to the last one; directory and mini table are one sector each.
func (c cfb) table(total int) {
	fat := c.sector(0)
	for i := range c.tables * cfbSector / 4 {
		v := uint32(cfbFree)
		switch {
		case i < c.tables:
			v = cfbTable
		case i < c.start, i == total-1:
			v = cfbEnd
		case i < total:
			v = uint32(i + 1)
		}
		p32(fat[4*i:], v)
	}
}

func (c cfb) entry(i int, name string, kind byte, first uint32, size int) {
	at := c.sector(c.tables)[128*i:]
	u := utf16.Encode([]rune(name))
	for k, v := range u {
		p16(at[2*k:], int(v))
	}
	p16(at[64:], 2*len(u)+2)
	at[66] = kind
	for _, link := range []int{68, 72, 76} {
		p32(at[link:], cfbFree)
	}
	p32(at[116:], first)
	p32(at[120:], uint32(size))
}

// mini chains the blocks of the mini stream.
func (c cfb) mini(blocks int) {
	for i := range cfbSector / 4 {
		v := uint32(cfbFree)
		if i < blocks-1 {
			v = uint32(i + 1)
		} else if i == blocks-1 {
			v = cfbEnd
		}
		p32(c.sector(c.tables + 1)[4*i:], v)
	}
}
