package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// qualityWords are the functions of the templates of quality in one language.
func (s *site) qualityWords(lang string) map[string]any {
	return map[string]any{
		"proportion": proportion,
		"kappa":      kappa,
		"figure":     figure,
		"signed":     signed,
		"openfix":    func(all []store.Fix) bool { return slices.ContainsFunc(all, store.Fix.Open) },
		"fits":       func(raw []byte) []fitView { return fitViews(lang, raw) },
		"waivable":   func(raw []byte) []string { return waivable(raw) },
		"turn":       func(t plate.Turn) string { return turnText(lang, t) },
		"turnword":   func(t string) string { return turnText(lang, plate.Turn(t)) },
		"twopeople":  func(code string) bool { return strings.HasPrefix(code, "run.") },
		"byflag":     func(reason string) bool { return strings.HasPrefix(reason, "flag.") }, // which stands there in full
		"paired":     func(reason string) bool { return strings.HasPrefix(reason, "parallel.") },
	}
}

// flagView is a flag with its words.
type flagView struct {
	store.FlagRow
	Text string
}

// looks are the flags of a run of a plate (0: of all its runs) and how many of them nobody has touched.
func (s *site) looks(v *visit, id, run int64) (out []flagView, open int, err error) {
	rows, err := s.st.PlateFlags(v.r.Context(), id)
	if err != nil {
		return nil, 0, err
	}
	for _, r := range rows {
		if run != 0 && r.Run != run {
			continue
		}
		out = append(out, flagView{r, flagText(v.Lang, lims.Flag{Code: r.Code, Args: argsOf(r.Args)})})
		if r.TouchedAt == nil {
			open++
		}
	}
	return out, open, nil
}

// suspicious are the reasons by position, for the picture of the plate.
func suspicious(looks []flagView) map[string][]string {
	m := map[string][]string{}
	for _, f := range looks {
		if f.Pos != "" {
			m[f.Pos] = append(m[f.Pos], f.Text)
		}
	}
	return m
}

// quality fills in what stands between a plate and its release.
func (p *reviewPage) quality(s *site, v *visit, run int64) (err error) {
	ctx := v.r.Context()
	if p.Looks, p.Open, err = s.looks(v, p.Plate.ID, run); err != nil {
		return err
	}
	if p.IQC, err = s.st.PlateIQC(ctx, p.Plate.ID); err != nil {
		return err
	}
	steps, err := s.st.PlateSteps(ctx, p.Plate.ID)
	if err != nil {
		return err
	}
	p.Steps = grouped(steps)
	disagree := func(a attention) bool { return strings.HasPrefix(a.Reason, "parallel.") }
	if slices.ContainsFunc(p.One, disagree) {
		kits, err := s.st.KitsOnRecord(ctx)
		if err != nil {
			return err
		}
		p.Kits = sortedKeys(kits)
	}
	return nil
}

// pair fills in the arms of a tube, or what a second kit may be asked of.
func (p *tubePage) pair(s *site, v *visit) (err error) {
	if p.Arms, err = s.st.SampleArms(v.r.Context(), p.Tube.Barcode); err != nil || len(p.Arms) > 0 {
		return err
	}
	if state := lims.State(p.Tube.State); !v.Actor.Has(lims.Technician, lims.Supervisor) || state != lims.Received && state != lims.Loaded && state != lims.Read {
		return nil
	}
	lots, err := s.st.LotsInUse(v.r.Context(), v.Actor.Lab)
	if err != nil {
		return err
	}
	for _, l := range lots {
		if !slices.ContainsFunc(p.Lots, func(o store.LotRow) bool { return o.Kit == l.Kit }) {
			p.Lots = append(p.Lots, l)
		}
	}
	if len(p.Lots) < 2 { // nothing to choose from
		p.Lots = nil
	}
	p.Labs, _, err = s.directory(v)
	return err
}

// ownTrace is our own reading of a curve beside the instrument's.
type ownTrace struct{ Cq, Shape string }

// ownTraces reads the curves of a well. A Cq of ours never replaces the instrument's: it shows whether the two agree.
func ownTraces(lang string, rows []store.CurveRow) map[string]ownTrace {
	out := map[string]ownTrace{}
	for _, r := range rows {
		t := pcr.Curve{Target: r.Target, Dye: r.Dye, Kind: pcr.CurveKind(r.Kind), First: r.First, Y: r.Y}.Trace()
		o := ownTrace{Cq: "—", Shape: fmt.Sprintf("%s %.2f", term(lang, "shape", string(t.Shape)), t.Score)}
		if t.Cq > 0 {
			o.Cq = strconv.FormatFloat(t.Cq, 'f', 2, 64)
		}
		out[r.Target] = o
	}
	return out
}

// argsOf reads the arguments of a flag; without them the words still say what it is.
func argsOf(raw json.RawMessage) (a lims.Args) {
	if json.Unmarshal(raw, &a) != nil {
		return lims.Args{}
	}
	return a
}

// signed writes a number of standard deviations with its sign; a dash where there is none.
func signed(z *float64) string {
	if z == nil {
		return "—"
	}
	return fmt.Sprintf("%+.1f", *z)
}
