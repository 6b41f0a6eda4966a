package web

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"natlims/lims"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// fitView is one reading of a run that explains it better than the sealed layout.
type fitView struct {
	plate.Fit
	Text string
}

// fitViews say in words what a parked run fits, out of its arguments.
func fitViews(lang string, raw json.RawMessage) (out []fitView) {
	var a struct {
		Fits []plate.Fit `json:"fits"`
	}
	if json.Unmarshal(raw, &a) != nil {
		return nil
	}
	for _, f := range a.Fits {
		out = append(out, fitView{f, say(lang, "fix.text", lims.Args{"plate": f.Plate, "turn": turnText(lang, f.Turn), "share": strconv.Itoa(int(100*f.Score+0.5)) + "%"})})
	}
	return out
}

// turnText is how a plate was turned, in words.
func turnText(lang string, t plate.Turn) string {
	if t == plate.AsSealed {
		return say(lang, "turn.none", nil)
	}
	return term(lang, "turn", string(t))
}

// waivable are the codes of a message's differences that two people may accept, each once.
func waivable(raw json.RawMessage) (codes []string) {
	var a struct {
		Differences []lims.Difference `json:"differences"`
	}
	if json.Unmarshal(raw, &a) != nil {
		return nil
	}
	seen := map[string]bool{}
	for _, d := range a.Differences {
		for _, w := range store.Waivable {
			if d.Code == w && !seen[w] {
				seen[w] = true
				codes = append(codes, w)
			}
		}
	}
	return codes
}

func (s *site) proposeFix(v *visit) error {
	row, err := s.st.PlateRowByCode(v.r.Context(), v.scope(), strings.ToUpper(v.field("plate")))
	if err != nil {
		return err
	}
	f := store.Fix{Message: v.id("message"), Plate: row.ID, Turn: plate.Turn(v.field("turn")), Waived: v.Form["waive"], Reason: v.field("reason")}
	_, err = s.st.ProposeFix(v.r.Context(), v.Actor, f)
	return s.fix(v, "fix.proposed", err)
}

func (s *site) confirmFix(v *visit) error {
	return s.fix(v, "fix.confirmed", s.st.ConfirmFix(v.r.Context(), v.Actor, v.id("fix")))
}

func (s *site) declineFix(v *visit) error {
	return s.fix(v, "fix.declined", s.st.DeclineFix(v.r.Context(), v.Actor, v.id("fix")))
}

// touchFlags says that the reader has looked at flags of a plate.
func (s *site) touchFlags(v *visit) error {
	if err := s.st.TouchFlags(v.r.Context(), v.Actor, numbers(strings.Join(v.Form["flag"], ",")), v.field("note")); err != nil {
		return err
	}
	return v.done("/review/"+url.PathEscape(v.r.PathValue("plate")), "flags.touched", nil)
}

// resolvePair says how results of two kits that do not agree go on.
func (s *site) resolvePair(v *visit) error {
	o := store.Onward{Way: store.Way(v.field("way")), Kit: v.field("kit"), Reason: v.field("reason")}
	if err := s.st.Resolve(v.r.Context(), v.Actor, numbers(v.field("ids")), o); err != nil {
		return err
	}
	return v.done("/review/"+url.PathEscape(v.r.PathValue("plate")), "pair.resolved", nil)
}
