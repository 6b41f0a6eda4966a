package unpack

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"sync"
)

// Entry is one file of an archive.
type Entry struct {
	Name      string // slashes between folders, never absolute, never with ".."
	Size      int    // inflated, in bytes
	Encrypted bool

	method         uint16
	crc            uint32
	packed, offset int
}

// Archive is the checked directory of a zip archive held in memory.
type Archive struct {
	Entries []Entry // files only, in the order of the directory
	raw     []byte
}

// Signatures and fixed sizes of APPNOTE 4.3.
const (
	sigLocal, sizeLocal  = 0x04034b50, 30
	sigDir, sizeDir      = 0x02014b50, 46
	sizeEnd              = 22
	sigEnd64, sizeEnd64  = 0x06064b50, 56
	sigLoc64, sizeLoc64  = 0x07064b50, 20
	flagEncrypted        = 1 | 1<<6 | 1<<13
	methodStore          = 0
	methodDeflate        = 8
	unset32              = 0xFFFFFFFF
	extraZip64, maxTrail = 1, 0xFFFF + sizeEnd
)

// IsZip says whether raw begins like a zip archive that holds something. Writers that planned to split the archive
// put a mark before the first entry (APPNOTE 8.5.4, 8.5.5); Bio-Rad's do.
func IsZip(raw []byte) bool {
	for _, mark := range []string{"PK\x07\x08", "PK00"} {
		raw = bytes.TrimPrefix(raw, []byte(mark))
	}
	return bytes.HasPrefix(raw, []byte("PK\x03\x04"))
}

// Open checks the whole directory of an archive and unpacks nothing. It refuses archives with too many entries,
// with names that leave the archive, and those whose entries claim more bytes than the limits or the archive allow.
func Open(raw []byte) (*Archive, error) {
	at, count, err := directory(raw)
	if err != nil {
		return nil, err
	}
	if count > MaxEntries {
		return nil, &Error{Kind: ErrTooLarge, Code: wantEntries, N: MaxEntries, Value: strconv.Itoa(count)}
	}
	a := &Archive{raw: raw, Entries: make([]Entry, 0, min(count, len(raw)/sizeDir))}
	total, packed := 0, 0
	for range count {
		e, next, err := entry(raw, at)
		if err != nil {
			return nil, err
		}
		at = next
		if total += e.Size; total > MaxTotal {
			return nil, &Error{Kind: ErrTooLarge, Code: wantTotal, N: MaxTotal, Part: e.Name}
		}
		// Entries that share packed bytes are the bomb that no ratio of one entry shows.
		if packed += e.packed + sizeLocal; packed > len(raw) {
			return nil, &Error{Kind: ErrDamaged, Code: wantOwnBytes, N: len(raw), Part: e.Name}
		}
		if !strings.HasSuffix(e.Name, "/") {
			a.Entries = append(a.Entries, e)
		}
	}
	return a, nil
}

// directory finds offset and entry count of the central directory (APPNOTE 4.3.16, 4.3.14 for Zip64).
func directory(raw []byte) (at, count int, err error) {
	end := bytes.LastIndex(raw[max(0, len(raw)-maxTrail):], []byte("PK\x05\x06"))
	if end >= 0 {
		end += max(0, len(raw)-maxTrail)
	}
	if end < 0 || end+sizeEnd > len(raw) {
		return 0, 0, &Error{Kind: ErrDamaged, Code: wantEnd}
	}
	b := raw[end:]
	count, at = int(u16(b[10:])), int(u32(b[16:]))
	size := int(u32(b[12:]))
	if end >= sizeLoc64 && u32(raw[end-sizeLoc64:]) == sigLoc64 {
		p := u64(raw[end-sizeLoc64+8:])
		if p > uint64(end) || int(p)+sizeEnd64 > end || u32(raw[p:]) != sigEnd64 {
			return 0, 0, &Error{Kind: ErrDamaged, Code: wantZip64, Offset: end - sizeLoc64}
		}
		n, o, s := u64(raw[p+32:]), u64(raw[p+48:]), u64(raw[p+40:])
		if n > MaxEntries {
			return 0, 0, &Error{Kind: ErrTooLarge, Code: wantEntries, N: MaxEntries, Value: strconv.FormatUint(n, 10)}
		}
		if o > uint64(end) || s > uint64(end) {
			return 0, 0, &Error{Kind: ErrDamaged, Code: wantDirectory, Offset: end - sizeLoc64}
		}
		count, at, size = int(n), int(o), int(s)
	}
	if at+size > end || count*sizeDir > size {
		return 0, 0, &Error{Kind: ErrDamaged, Code: wantDirectory, Offset: at, Value: strconv.Itoa(count)}
	}
	return at, count, nil
}

// entry reads the directory entry at byte at and gives the offset behind it.
func entry(raw []byte, at int) (e Entry, next int, err error) {
	if at+sizeDir > len(raw) || u32(raw[at:]) != sigDir {
		return e, 0, &Error{Kind: ErrDamaged, Code: wantEntry, Offset: at}
	}
	b := raw[at:]
	name, extra, note := int(u16(b[28:])), int(u16(b[30:])), int(u16(b[32:]))
	if sizeDir+name+extra+note > len(b) {
		return e, 0, &Error{Kind: ErrDamaged, Code: wantEntry, Offset: at}
	}
	flags := u16(b[8:])
	size, packed, offset := uint64(u32(b[24:])), uint64(u32(b[20:])), uint64(u32(b[42:]))
	big(b[sizeDir+name:sizeDir+name+extra], &size, &packed, &offset)
	e = Entry{
		Name: strings.ReplaceAll(string(b[sizeDir:sizeDir+name]), `\`, "/"), Encrypted: flags&flagEncrypted != 0,
		method: u16(b[10:]), crc: u32(b[16:]),
	}
	switch {
	case name > MaxName:
		return e, 0, &Error{Kind: ErrTooLarge, Code: wantShortName, N: MaxName, Offset: at, Value: strconv.Itoa(name)}
	case unsafeName(e.Name):
		return e, 0, &Error{Kind: ErrDamaged, Code: wantInside, Offset: at, Value: e.Name}
	case size > MaxEntry:
		return e, 0, &Error{Kind: ErrTooLarge, Code: wantEntrySize, N: MaxEntry, Part: e.Name, Value: strconv.FormatUint(size, 10)}
	case size > freeRatio && size/MaxRatio > packed:
		return e, 0, &Error{Kind: ErrTooLarge, Code: wantRatio, N: MaxRatio, Part: e.Name, Value: strconv.FormatUint(size, 10) + ":" + strconv.FormatUint(packed, 10)}
	case packed > uint64(len(raw)) || offset > uint64(at):
		return e, 0, &Error{Kind: ErrDamaged, Code: wantPlace, Part: e.Name, Offset: at}
	}
	e.Size, e.packed, e.offset = int(size), int(packed), int(offset)
	return e, at + sizeDir + name + extra + note, nil
}

// big replaces the sizes that are kept in the Zip64 extra field (APPNOTE 4.5.3): only those that are unset, in this order.
func big(extra []byte, size, packed, offset *uint64) {
	for len(extra) >= 4 {
		id, n := u16(extra), int(u16(extra[2:]))
		if 4+n > len(extra) {
			return
		}
		f := extra[4 : 4+n]
		extra = extra[4+n:]
		if id != extraZip64 {
			continue
		}
		for _, v := range []*uint64{size, packed, offset} {
			if *v == unset32 && len(f) >= 8 {
				*v, f = u64(f), f[8:]
			}
		}
	}
}

func unsafeName(n string) bool {
	if n == "" || n[0] == '/' || len(n) > 1 && n[1] == ':' || strings.IndexByte(n, 0) >= 0 {
		return true
	}
	return n == ".." || strings.HasPrefix(n, "../") || strings.HasSuffix(n, "/..") || strings.Contains(n, "/../")
}

// Find gives the entry of that name, letter case apart: writers disagree on it.
func (a *Archive) Find(name string) (Entry, bool) {
	for _, e := range a.Entries {
		if strings.EqualFold(e.Name, name) {
			return e, true
		}
	}
	return Entry{}, false
}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}

// Read unpacks one entry and checks its sum.
func (a *Archive) Read(e Entry) ([]byte, error) {
	b, err := a.head(e, e.Size)
	if err != nil {
		return nil, err
	}
	if len(b) != e.Size || crc32.ChecksumIEEE(b) != e.crc {
		return nil, &Error{Kind: ErrDamaged, Code: wantSum, Part: e.Name}
	}
	return b, nil
}

// Head unpacks at most the first n bytes of an entry, for recognising it. It checks no sum.
func (a *Archive) Head(e Entry, n int) ([]byte, error) { return a.head(e, min(n, e.Size)) }

func (a *Archive) head(e Entry, n int) ([]byte, error) {
	if e.Encrypted {
		return nil, &Error{Kind: ErrEncrypted, Code: wantOpen, Part: e.Name}
	}
	if e.offset+sizeLocal > len(a.raw) || u32(a.raw[e.offset:]) != sigLocal {
		return nil, &Error{Kind: ErrDamaged, Code: wantLocal, Part: e.Name, Offset: e.offset}
	}
	l := a.raw[e.offset:]
	from := sizeLocal + int(u16(l[26:])) + int(u16(l[28:]))
	if from+e.packed > len(l) {
		return nil, &Error{Kind: ErrDamaged, Code: wantWhole, N: e.packed, Part: e.Name, Value: strconv.Itoa(max(0, len(l)-from))}
	}
	packed := l[from : from+e.packed]
	switch e.method {
	case methodStore:
		if e.packed != e.Size {
			return nil, &Error{Kind: ErrDamaged, Code: wantWhole, N: e.Size, Part: e.Name, Value: strconv.Itoa(e.packed)}
		}
		return packed[:n:n], nil
	case methodDeflate:
		return inflate(packed, n, n == e.Size, e.Name)
	}
	return nil, &Error{Kind: ErrDamaged, Code: wantMethod, Part: e.Name, Value: strconv.Itoa(int(e.method))}
}

// inflate unpacks n bytes; with whole it also sees that nothing follows them.
func inflate(packed []byte, n int, whole bool, name string) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(packed), nil); err != nil {
		return nil, &Error{Kind: ErrDamaged, Code: wantDeflate, Part: name, Err: err}
	}
	b := make([]byte, n+1) // one more, to see an entry that goes on behind its stated size
	if !whole {
		b = b[:n]
	}
	m, err := io.ReadFull(r, b)
	switch {
	case err != nil && err != io.EOF && err != io.ErrUnexpectedEOF:
		return nil, &Error{Kind: ErrDamaged, Code: wantDeflate, Part: name, Err: err}
	case m < n:
		return nil, &Error{Kind: ErrDamaged, Code: wantWhole, N: n, Part: name, Value: strconv.Itoa(m)}
	case m > n:
		return nil, &Error{Kind: ErrTooLarge, Code: wantNoMore, N: n, Part: name}
	}
	return b[:n:n], nil
}

func u16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func u64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
