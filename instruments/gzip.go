package instruments

import (
	"bytes"
	"compress/gzip"
	"io"
)

// unzipped is the content of a file that was compressed with gzip (RFC 1952), as archives and mailers do; any other file as it is.
// What it unpacks to is bounded by MaxContent.
func unzipped(f *File) (*File, error) {
	if !bytes.HasPrefix(f.Raw, []byte{0x1f, 0x8b, 0x08}) {
		return f, nil
	}
	return view(f, "gzip", func(f *File) (*File, error) {
		r, err := gzip.NewReader(bytes.NewReader(f.Raw))
		if err != nil {
			return nil, &Error{Code: CodeDamaged, Offset: -1, Want: want(wantGzip), Err: err}
		}
		raw, err := io.ReadAll(io.LimitReader(r, MaxContent+1))
		switch {
		case err != nil:
			return nil, &Error{Code: CodeDamaged, Offset: int64(len(raw)), Want: want(wantGzip), Err: err}
		case len(raw) > MaxContent:
			return nil, &Error{Code: CodeTooLarge, Offset: -1, Want: atMost(MaxContent, "bytes_unpacked")}
		}
		return &File{Name: f.Name, Raw: raw}, nil
	})
}
