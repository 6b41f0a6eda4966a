package web

import (
	"encoding/json"
	"mime"
	"net/url"

	"natlims/instruments"
	"natlims/lims"
	"natlims/lims/store"
)

// platePage is a plate at the bench.
type platePage struct {
	Plate       store.PlateRow
	Picture     picture
	Wells       []store.WellRow
	Controls    []store.WellRow
	Runs        []store.RunRow
	Instruments []store.InstrumentRow // on which it may be started
	Setups      []instruments.Driver  // that write a plate file
	Folders     []store.Instrument    // that take one out of a folder
	Steps       []workGroup           // what the laboratory does now
}

func (s *site) plate(v *visit) error {
	ctx := v.r.Context()
	row, err := s.st.PlateRowByCode(ctx, v.scope(), v.r.PathValue("plate"))
	if err != nil {
		return err
	}
	p := platePage{Plate: row}
	if p.Runs, err = s.st.PlateRuns(ctx, row.ID); err != nil {
		return err
	}
	run, verdict := newest(p.Runs)
	wells, err := s.st.PlateWells(ctx, row.ID, run)
	if err != nil {
		return err
	}
	looks, _, err := s.looks(v, row.ID, run)
	if err != nil {
		return err
	}
	steps, err := s.st.PlateSteps(ctx, row.ID)
	if err != nil {
		return err
	}
	p.Steps = grouped(steps)
	p.Picture = draw(v.Lang, row, wells, marks{base: "/plates/", controls: verdict.controls(), selected: v.field("well"), flags: suspicious(looks)})
	for _, w := range oneEach(wells) {
		if w.Role == "sample" {
			p.Wells = append(p.Wells, w)
		} else {
			p.Controls = append(p.Controls, w)
		}
	}
	if row.State == string(lims.Sealed) {
		if p.Instruments, err = s.st.InstrumentRows(ctx, store.Scope{Lab: row.Lab}); err != nil {
			return err
		}
	}
	if s.drop != nil {
		all, err := s.st.Instruments(ctx, row.Lab)
		if err != nil {
			return err
		}
		for _, i := range all {
			if i.Active && store.WorkOf(i.Settings).Setup != "" {
				p.Folders = append(p.Folders, i)
			}
		}
	}
	for _, d := range instruments.All() {
		if d.Setup != nil {
			p.Setups = append(p.Setups, d)
		}
	}
	return v.show("plate", p)
}

// oneEach gives one row for each sample and control: where each target has a well of its own, these stand side by side and their
// row says "A4–A6 N1 N2 RP".
func oneEach(wells []store.WellRow) (out []store.WellRow) {
	at := map[string]int{}
	last := map[string]string{}
	for _, w := range wells {
		key := w.Code + "|" + w.Kit + "|" + w.Arm
		i, again := at[key]
		if w.Target == "" || !again {
			at[key] = len(out)
			out = append(out, w)
			continue
		}
		last[key] = w.Pos
		out[i].Target += " " + w.Target
	}
	for key, pos := range last {
		out[at[key]].Pos += "–" + pos
	}
	return out
}

// verdict is what package store keeps of a judgement.
type verdict struct {
	Controls    []lims.ControlCall
	Differences []lims.Difference
	Flags       []lims.Flag
}

// controls are the findings on control wells by position.
func (k verdict) controls() map[string]lims.ControlCall {
	m := map[string]lims.ControlCall{}
	for _, c := range k.Controls {
		if old, ok := m[c.Pos.String()]; !ok || old.OK {
			m[c.Pos.String()] = c
		}
	}
	return m
}

// newest is the run that counts: the last accepted one, else the last.
func newest(runs []store.RunRow) (int64, verdict) {
	var k verdict
	if len(runs) == 0 {
		return 0, k
	}
	best := runs[0]
	for _, r := range runs {
		if r.Replays == 0 && (r.Accepted || best.Replays != 0) { // a replay stands beside what counts
			best = r
			break
		}
	}
	json.Unmarshal(best.Verdict, &k) //nolint:errcheck // written by the store; without it the controls are shown unjudged
	return best.ID, k
}

// setup gives the plate file that an instrument imports.
func (s *site) setup(v *visit) error {
	row, err := s.st.PlateRowByCode(v.r.Context(), v.scope(), v.r.PathValue("plate"))
	if err != nil {
		return err
	}
	f, err := s.plateFile(v, row.ID)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", f.Type)
	v.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	v.w.Write(f.Bytes) //nolint:errcheck // the browser has gone
	return nil
}

// move does one thing to a plate and comes back to its page.
func (s *site) move(v *visit, done string, f func(id int64) error) error {
	row, err := s.st.PlateRowByCode(v.r.Context(), v.scope(), v.r.PathValue("plate"))
	if err != nil {
		return err
	}
	if err := f(row.ID); err != nil {
		return err
	}
	return v.done("/plates/"+url.PathEscape(row.Code), done, lims.Args{"plate": row.Code})
}

func (s *site) seal(v *visit) error {
	return s.move(v, "plate.sealed", func(id int64) error { return s.st.Seal(v.r.Context(), v.Actor, id) })
}

func (s *site) unseal(v *visit) error {
	return s.move(v, "plate.unsealed", func(id int64) error { return s.st.Unseal(v.r.Context(), v.Actor, id) })
}

func (s *site) start(v *visit) error {
	return s.move(v, "plate.started", func(id int64) error { return s.st.Start(v.r.Context(), v.Actor, id, v.id("instrument")) })
}

func (s *site) void(v *visit) error {
	return s.move(v, "plate.void", func(id int64) error { return s.st.VoidPlate(v.r.Context(), v.Actor, id, v.field("reason")) })
}
