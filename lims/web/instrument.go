package web

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"natlims/instruments"
	"natlims/lims"
	"natlims/lims/store"
)

// instrumentPage is one instrument: its line, its clock, how it is used and what it said last.
type instrumentPage struct {
	Instrument store.Instrument
	Skew       store.Skew
	Work       store.Work
	Tests      string   // one assay a line: "SARS-CoV-2 = COVPLUS, COV"
	Kits       []string // that can judge single tubes
	Mapping    string   // name of the one in force, "" none
	Messages   []store.MessageRow
	Senders    []store.Sender // by what a sender that no line names is known to be this instrument
}

func (s *site) instrument(v *visit) error {
	ctx := v.r.Context()
	i, err := s.st.InstrumentIn(ctx, v.scope(), v.id("instrument"))
	if err != nil {
		return err
	}
	p := instrumentPage{Instrument: i, Work: store.WorkOf(i.Settings)}
	skews, err := s.st.Skews(ctx, store.Scope{Lab: i.Lab})
	if err != nil {
		return err
	}
	p.Skew, p.Tests = skews[i.ID], testLines(p.Work.Tests)
	kits, err := s.st.KitsOnRecord(ctx)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(kits)) {
		if len(kits[key].Controls) == 0 {
			p.Kits = append(p.Kits, key)
		}
	}
	versions, err := s.st.Mappings(ctx, i.ID)
	if err != nil {
		return err
	}
	if len(versions) > 0 && versions[0].Body != "" {
		if m, err := instruments.ReadMapping([]byte(versions[0].Body)); err == nil {
			p.Mapping = m.Name
		}
	}
	if p.Messages, err = s.st.InstrumentMessages(ctx, i.ID, 20); err != nil {
		return err
	}
	if p.Senders, err = s.st.Senders(ctx, i.ID); err != nil {
		return err
	}
	return v.show("instrument", p)
}

// setWork changes how an instrument is used.
func (s *site) setWork(v *visit) error {
	tests, err := readTests(v.field("tests"))
	if err != nil {
		return err
	}
	id := v.id("instrument")
	w := store.Work{Mode: v.field("mode"), Kit: v.field("kit"), Tests: tests, Setup: v.field("setup")}
	if err := s.st.SetWork(v.r.Context(), v.Actor, id, w); err != nil {
		return err
	}
	return v.done("/instruments/"+strconv.FormatInt(id, 10), "instrument.work", nil)
}

// forgetSender makes a sender unknown again.
func (s *site) forgetSender(v *visit) error {
	id := v.id("instrument")
	if err := s.st.ForgetSender(v.r.Context(), v.Actor, id, v.id("sender")); err != nil {
		return err
	}
	return v.done("/instruments/"+strconv.FormatInt(id, 10), "sender.forgotten", nil)
}

func testLines(tests map[string][]string) string {
	var b strings.Builder
	for _, assay := range slices.Sorted(maps.Keys(tests)) {
		b.WriteString(assay + " = " + strings.Join(tests[assay], ", ") + "\n")
	}
	return b.String()
}

// testsMost bounds the assays of one instrument.
const testsMost = 50

func readTests(text string) (map[string][]string, error) {
	out := map[string][]string{}
	for n, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		assay, codes, found := strings.Cut(line, "=")
		assay = strings.TrimSpace(assay)
		for _, c := range strings.Split(codes, ",") {
			if c = strings.TrimSpace(c); c != "" {
				out[assay] = append(out[assay], c)
			}
		}
		if !found || assay == "" || len(out[assay]) == 0 || len(out) > testsMost {
			return nil, lims.E(lims.Invalid, "work.tests", lims.Args{"line": n + 1, "value": line})
		}
	}
	return out, nil
}

// dropSetup puts a plate file into the folder that an instrument imports from.
func (s *site) dropSetup(v *visit) error {
	ctx := v.r.Context()
	row, err := s.st.PlateRowByCode(ctx, v.scope(), v.r.PathValue("plate"))
	if err != nil {
		return err
	}
	i, err := s.st.InstrumentIn(ctx, store.Scope{Lab: row.Lab}, v.id("instrument"))
	if err != nil {
		return err
	}
	dir := store.WorkOf(i.Settings).Setup
	if s.drop == nil || dir == "" {
		return lims.E(lims.Invalid, "setup.no_folder", lims.Args{"instrument": i.Code})
	}
	f, err := s.plateFile(v, row.ID)
	if err != nil {
		return err
	}
	if err := s.drop(dir, f.Name, f.Bytes); err != nil {
		s.log.Warn("plate file", "instrument", i.Code, "folder", dir, "err", err)
		return lims.E(lims.Broken, "setup.folder", lims.Args{"folder": dir})
	}
	if err := s.st.NoteSetup(ctx, v.Actor, row.ID, i.ID, f.Name); err != nil {
		return err
	}
	return v.done("/plates/"+row.Code, "setup.dropped", lims.Args{"file": f.Name, "instrument": i.Code})
}

// plateFile writes the plate file of the driver that the form names.
func (s *site) plateFile(v *visit, plate int64) (f instruments.SetupFile, err error) {
	d, err := instruments.Find(v.field("driver"))
	if err != nil || d.Setup == nil {
		return f, lims.E(lims.NotFound, "driver.no_setup", lims.Args{"driver": v.field("driver")})
	}
	layout, err := s.st.Layout(v.r.Context(), plate)
	if err != nil {
		return f, err
	}
	for i := range layout.Wells {
		w := &layout.Wells[i]
		if k := s.kit(w.Kit); k != nil && w.Target != "" {
			w.Dye = k.ChannelOf(w.Target)
		}
	}
	if f, err = d.Setup(layout); err != nil {
		return f, lims.Wrap(lims.Invalid, "setup.refused", err)
	}
	return f, nil
}
