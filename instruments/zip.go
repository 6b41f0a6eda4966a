package instruments

import (
	"errors"

	"natlims/instruments/sheet"
	"natlims/instruments/unpack"
	"natlims/lims/pcr"
)

// Archives and workbooks are opened once for all drivers. Nothing of them is trusted: see packages unpack and sheet
// for what is refused and how much memory a file can take.
func init() {
	registerWorkbook(isWorkbook, workbookTables)
	register(Driver{
		Name: "archive", Title: "Archive or workbook that cannot be opened: says why (encrypted CFX .pcrd/.zpcr, damaged, too large)",
		Wire: WireFile, Verified: true, Sniff: sniffBroken, Decode: decodeBroken,
	})
}

// archive is the checked directory of a zip archive; unpack.ErrNotFound where the content is none.
func (f *File) archive() (*unpack.Archive, error) {
	return view(f, "archive", func(f *File) (*unpack.Archive, error) {
		if !unpack.IsZip(f.Raw) {
			return nil, unpack.ErrNotFound
		}
		return unpack.Open(f.Raw)
	})
}

// book is the workbook; unpack.ErrNotFound where the content is none.
func (f *File) book() (*sheet.Book, error) {
	return view(f, "book", func(f *File) (*sheet.Book, error) {
		if !sheet.Is(f.Raw) {
			return nil, unpack.ErrNotFound
		}
		if unpack.IsZip(f.Raw) {
			a, err := f.archive()
			if err != nil {
				return nil, err
			}
			return sheet.Archive(a)
		}
		return sheet.Open(f.Raw)
	})
}

// isWorkbook is true of every archive: one that holds no workbook has no tables, and certainly no text.
func isWorkbook(f *File) bool {
	if unpack.IsZip(f.Raw) {
		return true
	}
	_, err := f.book()
	return !errors.Is(err, unpack.ErrNotFound)
}

// workbookTables makes a Table of each sheet; its rows are read when they are asked for.
func workbookTables(f *File) ([]*Table, error) {
	b, err := f.book()
	if errors.Is(err, unpack.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, unpackError(err)
	}
	tables := make([]*Table, len(b.Sheets))
	for i, s := range b.Sheets {
		tables[i] = NewTable(s.Name, func() ([]Row, error) {
			rows, err := s.Rows()
			if err != nil {
				return nil, unpackError(err)
			}
			out := make([]Row, len(rows))
			for i, r := range rows {
				out[i] = Row(r)
			}
			return out, nil
		})
	}
	return tables, nil
}

// unpackError gives the errors of packages unpack and sheet their code.
func unpackError(err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	code := CodeDamaged
	switch {
	case errors.Is(err, sheet.ErrBinary):
		return &Error{Code: CodeUnknown, Offset: -1, Value: "xlsb", Want: want(wantXLSX), Err: err}
	case errors.Is(err, unpack.ErrTooLarge):
		code = CodeTooLarge
	case errors.Is(err, unpack.ErrEncrypted):
		code = CodeEncrypted
	case errors.Is(err, unpack.ErrEncoding):
		code = CodeEncoding
	}
	out := &Error{Code: code, Offset: -1, Err: err}
	var why *unpack.Error
	if errors.As(err, &why) {
		out.Part, out.Line, out.Value, out.Err = cut(why.Part), why.Line, cut(why.Value), why.Err
		out.Want = Want{Code: why.Code, N: why.N}
		if why.Offset > 0 {
			out.Offset = int64(why.Offset)
		}
	}
	return out
}

// broken says why an archive or a workbook cannot be opened, nil where it can or where the content is neither.
func broken(f *File) error {
	a, err := f.archive()
	if err == nil {
		sealed := 0
		for _, e := range a.Entries {
			if e.Encrypted {
				sealed++
			}
		}
		if sealed > 0 {
			return &Error{Code: CodeEncrypted, Offset: -1, Value: a.Entries[0].Name,
				Want: want(wantExport)}
		}
	}
	if err == nil || errors.Is(err, unpack.ErrNotFound) {
		_, err = f.book()
	}
	if err == nil || errors.Is(err, unpack.ErrNotFound) {
		return nil
	}
	return unpackError(err)
}

// sniffBroken leaves an archive that opens to those who know its entries: an experiment document may hold a workbook besides.
func sniffBroken(f *File) int {
	if broken(f) == nil {
		return 0
	}
	if _, err := f.archive(); err == nil {
		return 50
	}
	return 100
}

func decodeBroken(f *File) ([]pcr.Run, error) {
	if err := broken(f); err != nil {
		return nil, err
	}
	return nil, &Error{Code: CodeUnknown, Offset: -1, Want: want(wantZip)}
}
