package instruments

import (
	"strings"

	"natlims/instruments/unpack"
	"natlims/lims/pcr"
)

// LightCycler 96 puts its own analysis beside the RDML document (.lc96p, and its .rdml exports): app_data.xml says which reaction
// and target a graph is and whether the user excluded it, calculated_data.xml holds the call of each graph. Layout from
// third-party readers.
//
//	rocheLC96AppExtension > experiment > run@id > react@id > factGraph@id,@targetId,@isExcluded
//	rocheLC96CalculatedData > … factGraph@id > call
type lc96 struct {
	graphs map[string]lc96Graph // by reaction
	calls  map[string]string    // by id of the graph
}

type lc96Graph struct {
	id       string
	excluded bool
}

func lc96Key(run, react, target string) string { return run + "\x00" + react + "\x00" + target }

// openLC96 reads both entries; an archive without them has no graphs. What cannot be read is left out: the Cq values stand
// in the RDML document.
func openLC96(a *unpack.Archive) (lc96, []pcr.Note) {
	l := lc96{graphs: map[string]lc96Graph{}, calls: map[string]string{}}
	var notes []pcr.Note
	for name, read := range map[string]func(*unpack.Scanner) error{"app_data.xml": l.readGraphs, "calculated_data.xml": l.readCalls} {
		s, err := xmlEntry(a, name)
		if s != nil && err == nil {
			err = read(s)
		}
		if err != nil {
			notes = append(notes, pcr.Note{Code: "entry.unreadable", Text: cut(name + ": " + err.Error())})
		}
	}
	return l, notes
}

func (l lc96) readGraphs(s *unpack.Scanner) error {
	run, react := "", ""
	return starts(s, "rocheLC96AppExtension", func() (err error) {
		switch s.Name {
		case "run":
			run, err = s.Attr("id")
		case "react":
			react, err = s.Attr("id")
		case "factGraph":
			var v [3]string
			for i, name := range []string{"id", "targetId", "isExcluded"} {
				if v[i], err = s.Attr(name); err != nil {
					return err
				}
			}
			if len(l.graphs) == maxReadings {
				return tooMany("graphs", maxReadings)
			}
			l.graphs[lc96Key(run, react, v[1])] = lc96Graph{v[0], v[2] == "true"}
		}
		return err
	})
}

func (l lc96) readCalls(s *unpack.Scanner) error {
	graph := ""
	return starts(s, "rocheLC96CalculatedData", func() (err error) {
		switch s.Name {
		case "factGraph":
			graph, err = s.Attr("id")
		case "moduleCalculatedData": // rows of an analysis, which may show other calls of other groups
			err = s.Skip()
		case "call":
			var v string
			if v, err = s.Value(); l.calls[graph] == "" && len(l.calls) < maxReadings {
				l.calls[graph] = strings.TrimSpace(v)
			}
		}
		return err
	})
}

// starts calls fn at each element of a document with the given root; another root is not read.
func starts(s *unpack.Scanner, root string, fn func() error) error {
	k, err := s.Next()
	if err != nil || k != unpack.Start || s.Name != root {
		return err
	}
	for {
		k, err := s.Next()
		if k == 0 || err != nil {
			return err
		}
		if k == unpack.Start {
			if err := fn(); err != nil {
				return err
			}
		}
	}
}

// mark puts call and exclusion to a reading.
func (l lc96) mark(g *pcr.Reading, run, react, target string) {
	if graph, ok := l.graphs[lc96Key(run, react, target)]; ok {
		g.Omit = g.Omit || graph.excluded
		g.Call = l.calls[graph.id]
	}
}
