package unpack_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments/unpack"
)

// raw writes an archive whose headers say what the test wants them to say.
func raw(t testing.TB, entries ...zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range entries {
		f, err := w.CreateRaw(&entries[i])
		require.NoError(t, err)
		_, err = f.Write([]byte(entries[i].Comment))
		require.NoError(t, err)
		entries[i].Comment = ""
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func deflated(t testing.TB, body []byte) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 9)
	require.NoError(t, err)
	_, err = w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

// header describes an entry of the given packed bytes; the body travels in Comment and is cleared by raw.
func header(name string, method uint16, body []byte, packed string) zip.FileHeader {
	return zip.FileHeader{Name: name, Method: method, CRC32: crc32.ChecksumIEEE(body), CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(len(body)), Comment: packed}
}

func TestZip(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a/", "a/deflated.txt", `back\slash.txt`} {
		f, err := w.Create(name)
		require.NoError(t, err)
		if !strings.HasSuffix(name, "/") {
			_, err = io.WriteString(f, strings.Repeat("Well\tCt\n", 5000))
			require.NoError(t, err)
		}
	}
	f, err := w.CreateHeader(&zip.FileHeader{Name: "stored", Method: zip.Store})
	require.NoError(t, err)
	_, err = io.WriteString(f, "stored")
	require.NoError(t, err)
	require.NoError(t, w.SetComment("PK a comment"))
	require.NoError(t, w.Close())

	a, err := unpack.Open(b.Bytes())
	require.NoError(t, err)
	require.Len(t, a.Entries, 3)
	e, ok := a.Find("A/Deflated.TXT")
	require.True(t, ok)
	body, err := a.Read(e)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("Well\tCt\n", 5000), string(body))
	head, err := a.Head(e, 4)
	require.NoError(t, err)
	require.Equal(t, "Well", string(head))
	_, ok = a.Find("back/slash.txt")
	require.True(t, ok)
	e, _ = a.Find("stored")
	body, err = a.Read(e)
	require.NoError(t, err)
	require.Equal(t, "stored", string(body))
}

// Bio-Rad's writer puts the mark of a split archive first and counts offsets from the mark on.
func TestZipMark(t *testing.T) {
	t.Parallel()
	packed := deflated(t, []byte("hello"))
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.SetOffset(4)
	h := header("a.xml", zip.Deflate, []byte("hello"), packed)
	h.Comment = ""
	f, err := w.CreateRaw(&h)
	require.NoError(t, err)
	_, err = io.WriteString(f, packed)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	data := append([]byte("PK\x07\x08"), b.Bytes()...)
	require.True(t, unpack.IsZip(data))
	a, err := unpack.Open(data)
	require.NoError(t, err)
	body, err := a.Read(a.Entries[0])
	require.NoError(t, err)
	require.Equal(t, "hello", string(body))
}

// Sizes and places may stand in the Zip64 fields although they are small: some writers always use them.
func TestZip64(t *testing.T) {
	t.Parallel()
	name, body := "a", "hello"
	le := binary.LittleEndian
	var b []byte
	b = append(le.AppendUint32(b, 0x04034b50), make([]byte, 26)...)
	b[26] = 1
	b = append(append(b, name...), body...)
	dir := len(b)
	e := make([]byte, 46)
	le.PutUint32(e, 0x02014b50)
	le.PutUint32(e[16:], crc32.ChecksumIEEE([]byte(body)))
	le.PutUint32(e[20:], 0xFFFFFFFF)
	le.PutUint32(e[24:], 0xFFFFFFFF)
	le.PutUint32(e[42:], 0xFFFFFFFF)
	e[28], e[30] = 1, 28
	b = append(append(b, e...), name...)
	b = le.AppendUint16(le.AppendUint16(b, 1), 24)
	for _, v := range []uint64{5, 5, 0} {
		b = le.AppendUint64(b, v)
	}
	size := len(b) - dir
	end := len(b)
	r := make([]byte, 56)
	le.PutUint32(r, 0x06064b50)
	le.PutUint64(r[4:], 44)
	for at, v := range map[int]int{24: 1, 32: 1, 40: size, 48: dir} {
		le.PutUint64(r[at:], uint64(v))
	}
	b = append(b, r...)
	l := make([]byte, 20)
	le.PutUint32(l, 0x07064b50)
	le.PutUint64(l[8:], uint64(end))
	b = append(b, l...)
	z := make([]byte, 22)
	le.PutUint32(z, 0x06054b50)
	le.PutUint16(z[10:], 0xFFFF)
	le.PutUint32(z[12:], 0xFFFFFFFF)
	le.PutUint32(z[16:], 0xFFFFFFFF)
	b = append(b, z...)

	a, err := unpack.Open(b)
	require.NoError(t, err)
	got, err := a.Read(a.Entries[0])
	require.NoError(t, err)
	require.Equal(t, body, string(got))

	le.PutUint64(b[end+32:], 1<<40) // 10^12 entries
	_, err = unpack.Open(b)
	require.ErrorIs(t, err, unpack.ErrTooLarge)
	le.PutUint64(b[end+32:], 1)
	le.PutUint64(b[dir+46+1+4:], 1<<40) // a terabyte
	_, err = unpack.Open(b)
	require.ErrorIs(t, err, unpack.ErrTooLarge)
}

// Not parallel: it measures what is allocated.
func TestZipRefusals(t *testing.T) {
	body := []byte(strings.Repeat("Well\tCt\n", 1000))
	packed := deflated(t, body)
	good := func() zip.FileHeader { return header("a.txt", zip.Deflate, body, packed) }
	with := func(change func(*zip.FileHeader)) []byte {
		h := good()
		change(&h)
		return raw(t, h)
	}
	whole := raw(t, good())
	zeros := deflated(t, make([]byte, 8<<20))
	names := func(n string) []byte { return with(func(h *zip.FileHeader) { h.Name = n }) }
	overlap := func() []byte { // 200 entries on the packed bytes of one
		le := binary.LittleEndian
		at := int(le.Uint32(whole[len(whole)-6:]))
		entry := whole[at : len(whole)-22]
		out := bytes.Clone(whole[:at])
		for range 200 {
			out = append(out, entry...)
		}
		end := bytes.Clone(whole[len(whole)-22:])
		le.PutUint16(end[8:], 200)
		le.PutUint16(end[10:], 200)
		le.PutUint32(end[12:], uint32(200*len(entry)))
		return append(out, end...)
	}
	var many []zip.FileHeader
	for i := range unpack.MaxEntries + 1 {
		many = append(many, zip.FileHeader{Name: fmt.Sprint(i)})
	}
	for name, c := range map[string]struct {
		raw  []byte
		want error
		code string
	}{
		"empty":             {nil, unpack.ErrDamaged, "W201"},
		"no directory":      {whole[:len(whole)-30], unpack.ErrDamaged, "W201"},
		"cut in front":      {whole[50:], unpack.ErrDamaged, "W206"},
		"many entries":      {raw(t, many...), unpack.ErrTooLarge, "W202"},
		"name up":           {names("../../etc/passwd"), unpack.ErrDamaged, "W209"},
		"name up inside":    {names("a/../../b"), unpack.ErrDamaged, "W209"},
		"name root":         {names("/etc/passwd"), unpack.ErrDamaged, "W209"},
		"name drive":        {names(`C:\a`), unpack.ErrDamaged, "W209"},
		"name backslashes":  {names(`a\..\..\b`), unpack.ErrDamaged, "W209"},
		"name with NUL":     {names("a\x00b"), unpack.ErrDamaged, "W209"},
		"long name":         {names(strings.Repeat("a", unpack.MaxName+1)), unpack.ErrTooLarge, "W208"},
		"bomb":              {raw(t, header("a", zip.Deflate, make([]byte, 8<<20), zeros)), unpack.ErrTooLarge, "W211"},
		"huge":              {with(func(h *zip.FileHeader) { h.UncompressedSize64 = 3 << 30 }), unpack.ErrTooLarge, "W210"},
		"states too little": {with(func(h *zip.FileHeader) { h.UncompressedSize64 = 10 }), unpack.ErrTooLarge, "W219"},
		"states too much":   {with(func(h *zip.FileHeader) { h.UncompressedSize64++ }), unpack.ErrDamaged, "W215"},
		"other sum":         {with(func(h *zip.FileHeader) { h.CRC32++ }), unpack.ErrDamaged, "W216"},
		"method":            {with(func(h *zip.FileHeader) { h.Method = 9 }), unpack.ErrDamaged, "W217"},
		"stored size":       {with(func(h *zip.FileHeader) { h.Method = zip.Store }), unpack.ErrDamaged, "W215"},
		"encrypted":         {with(func(h *zip.FileHeader) { h.Flags = 1 }), unpack.ErrEncrypted, "W213"},
		"overlap":           {overlap(), unpack.ErrDamaged, "W204"},
		"not deflated":      {raw(t, header("a", zip.Deflate, body, strings.Repeat("\xff", 100))), unpack.ErrDamaged, "W218"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.ErrorIs(t, readAll(c.raw), c.want, name)
		require.Equal(t, c.code, code(readAll(c.raw)), name)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), name)
	}
}

func readAll(raw []byte) error {
	a, err := unpack.Open(raw)
	if err != nil {
		return err
	}
	for _, e := range a.Entries {
		if _, err := a.Head(e, 100); err != nil {
			return err
		}
		if _, err := a.Read(e); err != nil {
			return err
		}
	}
	return nil
}

func FuzzZip(f *testing.F) {
	body := []byte(strings.Repeat("Well\tCt\n", 20))
	f.Add(raw(f, header("a", zip.Deflate, body, deflated(f, body)), header("b", zip.Store, body, string(body))))
	f.Fuzz(func(_ *testing.T, raw []byte) { _ = readAll(raw) })
}

// code is the code of an Error, "" of another.
func code(err error) string {
	var e *unpack.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
