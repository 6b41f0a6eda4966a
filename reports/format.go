package reports

import (
	"slices"
	"strings"
)

// Format turns a report into bytes.
type Format struct {
	Name   string // stable, lower case: the word a destination names
	Title  string // for people
	Type   string // MIME type
	Ext    string // of file names, without the dot
	Render func(Report) ([]byte, error)
}

var formats []Format // filled by init functions, never written again

func register(f Format) { formats = append(formats, f) }

// Formats lists the formats by name.
func Formats() []Format {
	all := slices.Clone(formats)
	slices.SortFunc(all, func(a, b Format) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// FormatNamed is the format of that name, false where there is none.
func FormatNamed(name string) (Format, bool) {
	for _, f := range formats {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// FileName is the name under which a report is filed: its id and the extension, and nothing of a person.
func (f Format) FileName(r Report) string {
	safe := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_' {
			return c
		}
		return '_'
	}, r.ID)
	return safe + "." + f.Ext
}
