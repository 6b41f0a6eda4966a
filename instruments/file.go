package instruments

import (
	"strings"
	"sync"
)

// MaxContent is the largest message or file that is read, in bytes.
const MaxContent = 64 << 20

// File is the content of one message or file. Views of it (text, tables, archive entries) are made once and shared by all
// drivers; it may be read by several goroutines.
type File struct {
	Name string // for people only, never used to recognise a format
	Raw  []byte

	mu    sync.Mutex
	views map[string]any
}

// seen is a view with the error of making it.
type seen[T any] struct {
	value T
	err   error
}

// view gives the named view of f and builds it at the first call. A build may ask for other views.
// Every reader keeps its own (text, tables, zip entries …) under a key of its own.
func view[T any](f *File, key string, build func(*File) (T, error)) (T, error) {
	f.mu.Lock()
	v, ok := f.views[key]
	f.mu.Unlock()
	if ok {
		s := v.(seen[T])
		return s.value, s.err
	}
	value, err := build(f)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.views == nil {
		f.views = map[string]any{}
	}
	f.views[key] = seen[T]{value, err}
	return value, err
}

// Text is the content as lines of text. The error is CodeEncoding where the bytes are no text, CodeTooLarge above the limits.
func (f *File) Text() (Text, error) { return view(f, "text", readText) }

// Tables are the parts of the document under the names that the software gives them: the "[Results]" sections of a
// text export or the sheets of a workbook. A text without sections is one Table named "". One interpreter so reads
// the same layout from txt, csv, xls and xlsx.
func (f *File) Tables() ([]*Table, error) {
	return view(f, "tables", func(f *File) ([]*Table, error) {
		for _, w := range workbooks {
			if w.match(f) {
				return w.sheets(f)
			}
		}
		return textTables(f)
	})
}

// Workbook says whether the content is a workbook of any kind and not a text.
func (f *File) Workbook() bool {
	for _, w := range workbooks {
		if w.match(f) {
			return true
		}
	}
	return false
}

// Table is the table of the first of the given names that exists; letter case and blanks do not count. nil where there is none.
func (f *File) Table(names ...string) *Table {
	tables, err := f.Tables()
	if err != nil {
		return nil
	}
	for _, n := range names {
		for _, t := range tables {
			if strings.EqualFold(key(n), key(t.Name)) {
				return t
			}
		}
	}
	return nil
}

// workbook is a reader of a workbook format. match must be cheap; sheets makes each Table lazily.
type workbook struct {
	match  func(*File) bool
	sheets func(*File) ([]*Table, error)
}

var workbooks []workbook // filled by init functions, never written again

// registerWorkbook makes Tables read one more kind of workbook.
func registerWorkbook(match func(*File) bool, sheets func(*File) ([]*Table, error)) {
	workbooks = append(workbooks, workbook{match, sheets})
}
