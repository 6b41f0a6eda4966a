package sheet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"unicode/utf16"

	"natlims/instruments/unpack"
)

// Fixed places and values of MS-CFB 2.2 to 2.6.
const (
	cfbHeader    = 512
	cfbEntry     = 128
	cfbFree      = 0xFFFFFFFA // sector numbers from here on are marks: end of chain, free, table
	cfbMini      = 64
	cfbDIFAT     = 109 // table sectors named in the header
	kindStream   = 2
	kindRoot     = 5
	maxDirectory = 4096 // entries
)

func isCFB(raw []byte) bool { return bytes.HasPrefix(raw, []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")) }

func u16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// cfb is an OLE2 compound file in memory. No chain is followed further than the file has sectors, so that a damaged
// file costs no more than its own size.
type cfb struct {
	raw     []byte
	size    int // of a sector
	sectors int
	fat     []uint32
	mini    []byte // the stream of small streams
	miniFAT []byte
	entries []cfbStream
}

type cfbStream struct {
	name  string
	kind  byte
	start uint32
	size  int
}

func openCFB(raw []byte) (*cfb, error) {
	if len(raw) < cfbHeader || !isCFB(raw) {
		return nil, damaged(wantOLE, len(raw))
	}
	shift := u16(raw[30:])
	if shift != 9 && shift != 12 || u16(raw[32:]) != 6 {
		return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantSector, Value: "2^" + strconv.Itoa(int(shift))}
	}
	c := &cfb{raw: raw, size: 1 << shift}
	c.sectors = (len(raw) + c.size - 1) / c.size
	if err := c.table(); err != nil {
		return nil, err
	}
	dir, err := c.chain(u32(raw[48:]))
	if err != nil {
		return nil, err
	}
	for i := 0; i+cfbEntry <= len(dir) && len(c.entries) < maxDirectory; i += cfbEntry {
		e := dir[i : i+cfbEntry]
		if n := int(u16(e[64:])); n >= 2 && n <= 64 && (e[66] == kindStream || e[66] == kindRoot) {
			units := make([]uint16, n/2-1)
			for k := range units {
				units[k] = u16(e[2*k:])
			}
			c.entries = append(c.entries, cfbStream{string(utf16.Decode(units)), e[66], u32(e[116:]), int(u32(e[120:]))})
		}
	}
	return c, nil
}

// sector gives one sector; the last may be short. nil where the file has none of that number.
func (c *cfb) sector(n uint32) []byte {
	at := (int64(n) + 1) * int64(c.size)
	if at >= int64(len(c.raw)) {
		return nil
	}
	return c.raw[at:min(at+int64(c.size), int64(len(c.raw)))]
}

// table joins the sector table from the sectors that the header and its continuation name.
func (c *cfb) table() error {
	var of []uint32
	for i := range cfbDIFAT {
		if v := u32(c.raw[76+4*i:]); v < cfbFree {
			of = append(of, v)
		}
	}
	next := u32(c.raw[68:])
	for seen := 0; next < cfbFree; seen++ {
		b := c.sector(next)
		if len(b) < c.size || seen > c.sectors {
			return damaged(wantChains, int(next))
		}
		for i := 0; i < c.size-4; i += 4 {
			if v := u32(b[i:]); v < cfbFree {
				of = append(of, v)
			}
		}
		next = u32(b[c.size-4:])
		if len(of) > c.sectors {
			return damaged(wantChains, len(of))
		}
	}
	for _, n := range of {
		if len(c.fat) > c.sectors {
			break
		}
		b := c.sector(n)
		for i := 0; i+4 <= len(b); i += 4 {
			c.fat = append(c.fat, u32(b[i:]))
		}
	}
	return nil
}

func (c *cfb) chain(n uint32) ([]byte, error) {
	var out []byte
	for seen := 0; n < cfbFree; seen++ {
		b := c.sector(n)
		if b == nil || seen > c.sectors || int64(n) >= int64(len(c.fat)) {
			return out, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantChain, N: c.sectors, Value: strconv.Itoa(int(n))}
		}
		out = append(out, b...)
		n = c.fat[n]
	}
	return out, nil
}

// stream gives the first stream of one of the names, unpack.ErrNotFound where there is none.
func (c *cfb) stream(names ...string) ([]byte, error) {
	for _, want := range names {
		for _, e := range c.entries {
			if e.kind == kindStream && e.name == want {
				return c.read(e)
			}
		}
	}
	return nil, fmt.Errorf("%w: no stream %q in the OLE2 file", unpack.ErrNotFound, names)
}

func (c *cfb) read(e cfbStream) ([]byte, error) {
	if e.size > len(c.raw) {
		return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantStream, N: e.size, Part: e.name, Value: strconv.Itoa(len(c.raw))}
	}
	if e.size >= int(u32(c.raw[56:])) {
		b, err := c.chain(e.start)
		if len(b) < e.size {
			return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantStream, N: e.size, Part: e.name, Value: strconv.Itoa(len(b)), Err: err}
		}
		return b[:e.size], nil
	}
	if err := c.openMini(); err != nil {
		return nil, err
	}
	out := make([]byte, 0, e.size+cfbMini)
	for n, seen := e.start, 0; n < cfbFree && len(out) < e.size; seen++ {
		at := int64(n) * cfbMini
		if at+cfbMini > int64(len(c.mini)) || int64(n)*4+4 > int64(len(c.miniFAT)) || seen > len(c.mini)/cfbMini {
			return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantChain, N: len(c.mini) / cfbMini, Part: e.name, Value: strconv.Itoa(int(n))}
		}
		out = append(out, c.mini[at:at+cfbMini]...)
		n = u32(c.miniFAT[n*4:])
	}
	if len(out) < e.size {
		return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantStream, N: e.size, Part: e.name, Value: strconv.Itoa(len(out))}
	}
	return out[:e.size], nil
}

func (c *cfb) openMini() (err error) {
	for _, e := range c.entries {
		if e.kind == kindRoot && c.mini == nil {
			if c.mini, err = c.chain(e.start); err != nil {
				return err
			}
			c.miniFAT, err = c.chain(u32(c.raw[60:]))
			return err
		}
	}
	return nil
}
