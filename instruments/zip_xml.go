package instruments

import (
	"strconv"
	"strings"
	"time"

	"natlims/instruments/unpack"
	"natlims/lims/pcr"
)

// xmlEntry opens an XML entry of an archive; nil where there is none.
func xmlEntry(a *unpack.Archive, name string) (*unpack.Scanner, error) {
	e, ok := a.Find(name)
	if !ok {
		return nil, nil
	}
	raw, err := a.Read(e)
	if err != nil {
		return nil, unpackError(err)
	}
	text, err := unpack.XMLText(raw)
	if err != nil {
		return nil, unpackError(err)
	}
	return unpack.NewScanner(text), nil
}

// elements gives the texts of the elements with the given paths ("Plate/Rows", two levels), each the first of its path.
// An entry that is not there gives empty texts.
func elements(a *unpack.Archive, name string, paths ...string) ([]string, error) {
	found := make([]string, len(paths))
	s, err := xmlEntry(a, name)
	if s == nil || err != nil {
		return found, err
	}
	root := ""
	for {
		k, err := s.Next()
		if k == 0 || err != nil {
			return found, unpackError(err)
		}
		if k != unpack.Start {
			continue
		}
		if s.Depth() == 1 {
			root = s.Name
			continue
		}
		i := pathIndex(paths, root, s.Name)
		if i < 0 {
			err = s.Skip()
		} else {
			var v string
			if v, err = s.Value(); found[i] == "" {
				found[i] = strings.TrimSpace(v)
			}
		}
		if err != nil {
			return found, unpackError(err)
		}
	}
}

func pathIndex(paths []string, root, name string) int {
	for i, p := range paths {
		if r, n, _ := strings.Cut(p, "/"); r == root && n == name {
			return i
		}
	}
	return -1
}

// millis reads milliseconds since 1970, as Applied Biosystems writes its instants; 0 and less are none.
func millis(s string) pcr.Stamp {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > 1<<43 {
		return pcr.Stamp{Text: s}
	}
	return pcr.Stamp{Text: s, Time: time.UnixMilli(n).UTC()}
}

// iso reads "2014-09-05T00:29:23.361+02:00"; without a zone only the text is kept.
func iso(s string) pcr.Stamp {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return pcr.Stamp{Text: s}
	}
	return pcr.Stamp{Text: s, Time: t.UTC()}
}
