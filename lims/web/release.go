package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

func (s *site) work(v *visit) error {
	rows, err := s.st.Work(v.r.Context(), v.labScope(), v.Actor.ID)
	if err != nil {
		return err
	}
	open, err := s.st.OpenAmendments(v.r.Context(), v.labScope())
	if err != nil {
		return err
	}
	return v.show("work", workPage{rows, open})
}

type workPage struct {
	Rows       []store.WorkRow
	Amendments int // that go on
}

// batch is the negatives of a plate that can be signed together: Seen is a fingerprint of what the person saw, so that
// nothing is signed that came in behind their back.
type batch struct {
	Tubes, Persons int
	IDs            []int64
	Seen           string
}

func (b *batch) add(s store.Sheaf) {
	b.Tubes++
	b.Persons += len(s.IDs)
	b.IDs = append(b.IDs, s.IDs...)
}

func (b *batch) seal() {
	slices.Sort(b.IDs)
	h := sha256.New()
	for _, id := range b.IDs {
		fmt.Fprintf(h, "%d ", id)
	}
	b.Seen = hex.EncodeToString(h.Sum(nil)[:12])
}

// attention is one tube that must be looked at by itself.
type attention struct {
	store.Sheaf
	Pos     string
	Persons int
	Cells   []string // the Cq of each target of the kit, in the order of reviewPage.Targets
	Why     string
	Action  string
	Flags   []string
	Mine    bool // checked by the reader: somebody else must release it
	Arms    []armLine
}

type reviewPage struct {
	Plate    store.PlateRow
	Picture  picture
	Targets  []string
	One      []attention // one by one
	Repeats  []attention // tested again by the rules of the kit: nothing to sign
	Check    batch       // negatives for the first signature
	Release  batch       // negatives for the second
	Own      batch       // negatives that wait for somebody else's second signature
	Done     int         // orders released
	Controls []controlRow
	Flags    []string
	InQC     bool
	Runs     []store.RunRow
	Signers  []string // who has checked
	Counts   map[string]int
	Well     *wellPage
	Looks    []flagView // every flag of the plate, with who touched it
	Open     int        // flags that nobody has touched: nothing is released before
	IQC      []store.IQCEvent
	Kits     []string // that may stand as the third
	Steps    []workGroup
	Today    *board
	OutOfIQC bool // quality control is out and nobody has closed it
	Blocked  bool // nothing of the plate can be released now
	KitsOn   []string
	Auto     []autoSigned // first signatures by a program
	Fix      store.Fix    // what two people said of the run
}

type controlRow struct {
	lims.ControlCall
	Code string
}

// wellPage is the well that was picked.
type wellPage struct {
	Row      store.WellRow
	Curves   *curves
	Ours     map[string]ownTrace // by target, as the instrument names it
	Readings []store.ReadingRow
}

func (s *site) review(v *visit) error {
	ctx := v.r.Context()
	row, err := s.st.PlateRowByCode(ctx, v.scope(), v.r.PathValue("plate"))
	if err != nil {
		return err
	}
	p := reviewPage{Plate: row, Counts: map[string]int{}}
	if p.Runs, err = s.st.PlateRuns(ctx, row.ID); err != nil {
		return err
	}
	run, k := newest(p.Runs)
	wells, err := s.st.PlateWells(ctx, row.ID, run)
	if err != nil {
		return err
	}
	sheaves, err := s.st.PlateSheaves(ctx, row.ID)
	if err != nil {
		return err
	}
	p.judged(v.Lang, s.kit(row.Kit), k, wells)
	p.sort(v, wells, sheaves)
	held := map[string]bool{}
	for _, one := range p.One {
		held[one.Barcode] = held[one.Barcode] || one.State == string(lims.Held)
	}
	picked := v.field("well")
	if picked == "" && len(p.One) > 0 {
		picked = p.One[0].Pos
	}
	if err := p.quality(s, v, run); err != nil {
		return err
	}
	if err := p.against(s, v, wells, sheaves); err != nil {
		return err
	}
	p.Picture = draw(v.Lang, row, wells, marks{base: "/review/", controls: k.controls(), held: held, selected: picked, flags: suspicious(p.Looks)})
	if p.Well, err = s.well(v, run, picked, wells, p.Targets); err != nil {
		return err
	}
	if p.Today, err = s.boardOf(v, v.scope()); err != nil {
		return err
	}
	return v.show("review", p)
}

// judged fills in what concerns the plate as a whole.
func (p *reviewPage) judged(lang string, kit *pcr.Kit, k verdict, wells []store.WellRow) {
	names := map[string]string{}
	targets := map[string]bool{}
	for _, w := range wells {
		names[w.Pos] = w.Code
		var m map[string]pcr.Target
		json.Unmarshal(w.Targets, &m) //nolint:errcheck // a well without targets has no cells
		for t := range m {
			targets[t] = true
		}
	}
	p.Targets = ordered(targets, kit)
	p.InQC = len(p.Runs) > 0 && p.Plate.State != string(lims.Void)
	for _, c := range k.Controls {
		p.Controls = append(p.Controls, controlRow{c, names[c.Pos.String()]})
		p.InQC = p.InQC && (c.OK || c.Scope != "plate")
	}
	for _, f := range k.Flags {
		p.Flags = append(p.Flags, flagText(lang, f))
	}
}

// ordered puts targets in the order of the kit; those that it does not know come last.
func ordered(targets map[string]bool, kit *pcr.Kit) []string {
	names := sortedKeys(targets)
	if kit == nil {
		return names
	}
	place := map[string]int{}
	for i, a := range kit.Targets {
		place[a.ID] = i - len(kit.Targets)
	}
	slices.SortStableFunc(names, func(a, b string) int { return place[a] - place[b] })
	return names
}

// sort deals the results of the plate out: negatives without anything odd in batches, all others one by one.
func (p *reviewPage) sort(v *visit, wells []store.WellRow, sheaves []store.Sheaf) {
	at := map[int64]store.WellRow{}
	for _, w := range wells {
		if old, ok := at[w.Sample]; !ok || old.Call == lims.Negative && w.Call != lims.Negative {
			at[w.Sample] = w
		}
	}
	seen, signers := map[int64]bool{}, map[string]bool{}
	for _, sh := range sheaves {
		seen[sh.Sample] = true
		w := at[sh.Sample]
		mine := sh.CheckedID != 0 && sh.CheckedID == v.Actor.ID
		plain := sh.Call == lims.Negative && len(flagTexts(v.Lang, w.Flags)) == 0 && sh.State != string(lims.Held) && sh.Amendment == 0
		if sh.CheckedBy != "" {
			signers[sh.CheckedBy] = true
		}
		if sh.State != string(lims.Withdrawn) {
			p.Counts[sh.Call] += len(sh.IDs)
		}
		switch {
		case sh.State == string(lims.Released):
			p.Done += len(sh.IDs)
		case sh.State == string(lims.Superseded) || sh.State == string(lims.Withdrawn):
		case plain && sh.State == string(lims.Called):
			p.Check.add(sh)
		case plain && mine:
			p.Own.add(sh)
		case plain:
			p.Release.add(sh)
		default:
			p.One = append(p.One, p.attention(v.Lang, sh, w, mine))
		}
	}
	for _, w := range wells {
		if w.Role == "sample" && w.Call != "" && !seen[w.Sample] {
			seen[w.Sample] = true
			p.Repeats = append(p.Repeats, p.attention(v.Lang, store.Sheaf{Sample: w.Sample, Barcode: w.Code, Call: w.Call}, w, false))
		}
	}
	slices.SortStableFunc(p.One, func(a, b attention) int { return urgent(b.Call) - urgent(a.Call) })
	p.Signers = sortedKeys(signers)
	p.Check.seal()
	p.Release.seal()
	p.Own.seal()
}

func urgent(call string) int {
	return map[string]int{"bad": 3, "warn": 2, "odd": 1}[tone(call)]
}

func (p *reviewPage) attention(lang string, sh store.Sheaf, w store.WellRow, mine bool) attention {
	a := attention{Sheaf: sh, Pos: w.Pos, Persons: w.Persons, Why: w.Why, Action: w.Action, Flags: flagTexts(lang, w.Flags), Mine: mine}
	var m map[string]pcr.Target
	json.Unmarshal(w.Targets, &m) //nolint:errcheck // a well without targets has no cells
	for _, t := range p.Targets {
		a.Cells = append(a.Cells, cq(m[t]))
	}
	if sh.DueAt == nil {
		a.DueAt = w.DueAt
	}
	return a
}

// cq writes a Cq as the instrument wrote it; a dash where there was no amplification.
func cq(t pcr.Target) string {
	if t.HasCq {
		return strconv.FormatFloat(t.Cq, 'f', 2, 64)
	}
	return "—"
}

func (s *site) well(v *visit, run int64, pos string, wells []store.WellRow, order []string) (*wellPage, error) {
	p, err := plate.ParsePos(pos)
	if err != nil || run == 0 {
		return nil, nil //nolint:nilnil // no well is picked, which is a page of its own
	}
	at := slices.IndexFunc(wells, func(w store.WellRow) bool { return w.Pos == p.String() })
	if at < 0 {
		return nil, nil //nolint:nilnil // an empty well
	}
	one := &wellPage{Row: wells[at]}
	var rows []store.CurveRow
	for _, pos := range together(wells, wells[at]) {
		more, err := s.st.WellCurves(v.r.Context(), run, pos)
		if err != nil {
			return nil, err
		}
		readings, err := s.st.WellReadings(v.r.Context(), run, pos)
		if err != nil {
			return nil, err
		}
		rows, one.Readings = append(rows, more...), append(one.Readings, readings...)
	}
	one.Ours, one.Curves = ownTraces(v.Lang, rows), drawCurves(p.String(), rows, order)
	return one, nil
}

// together are the wells that are called together: the well itself, or one for each target of a singleplex kit.
func together(wells []store.WellRow, one store.WellRow) (pos []string) {
	for _, w := range wells {
		if w.Pos == one.Pos || one.Target != "" && w.Code == one.Code && w.Kit == one.Kit && w.Arm == one.Arm {
			pos = append(pos, w.Pos)
		}
	}
	return pos
}

// signPlate signs for the page of a plate: a batch of negatives as it was seen, or the results of one tube.
func (s *site) signPlate(v *visit) error {
	row, err := s.st.PlateRowByCode(v.r.Context(), v.scope(), v.r.PathValue("plate"))
	if err != nil {
		return err
	}
	ids, err := s.chosen(v, row)
	if err != nil {
		return err
	}
	return s.sign(v, "/review/"+url.PathEscape(row.Code), ids)
}

// chosen is the results that the form speaks of. A batch is looked up again and must be what the person saw.
func (s *site) chosen(v *visit, row store.PlateRow) ([]int64, error) {
	if v.field("batch") == "" {
		return numbers(v.field("ids")), nil
	}
	run, k := int64(0), verdict{}
	runs, err := s.st.PlateRuns(v.r.Context(), row.ID)
	if err != nil {
		return nil, err
	}
	run, k = newest(runs)
	wells, err := s.st.PlateWells(v.r.Context(), row.ID, run)
	if err != nil {
		return nil, err
	}
	sheaves, err := s.st.PlateSheaves(v.r.Context(), row.ID)
	if err != nil {
		return nil, err
	}
	p := reviewPage{Plate: row, Runs: runs, Counts: map[string]int{}}
	p.judged(v.Lang, s.kit(row.Kit), k, wells)
	p.sort(v, wells, sheaves)
	b := map[string]batch{"check": p.Check, "release": p.Release}[v.field("action")]
	if len(b.IDs) == 0 || b.Seen != v.field("batch") {
		return nil, lims.E(lims.Conflict, "review.moved", lims.Args{"plate": row.Code})
	}
	return b.IDs, nil
}

// numbers reads "12,13,14"; what is no number is left out and the store refuses an empty list.
func numbers(text string) []int64 {
	var ids []int64
	for _, part := range strings.Split(text, ",") {
		if n, err := strconv.ParseInt(part, 10, 64); err == nil {
			ids = append(ids, n)
		}
	}
	return ids
}

func (s *site) sign(v *visit, to string, ids []int64) error {
	ctx, by := v.r.Context(), v.Actor
	var err error
	switch action := v.field("action"); action {
	case "check":
		err = s.st.Check(ctx, by, ids)
	case "release":
		err = s.st.Release(ctx, by, ids)
	case "hold":
		err = s.st.Hold(ctx, by, ids, v.field("reason"))
	case "withdraw":
		err = s.st.Withdraw(ctx, by, ids, v.field("reason"))
	default:
		err = lims.E(lims.Invalid, "request.unreadable", nil)
	}
	if err != nil {
		return err
	}
	return v.done(to, "sign."+v.field("action"), lims.Args{"n": len(ids)})
}

type loosePage struct {
	Sheaves []store.Sheaf
	Me      int64
	Now     time.Time
}

// loose is the results that no plate holds, such as those of rejected tubes.
func (s *site) loose(v *visit) error {
	rows, err := s.st.LooseSheaves(v.r.Context(), v.labScope())
	if err != nil {
		return err
	}
	return v.show("loose", loosePage{Sheaves: rows, Me: v.Actor.ID})
}

func (s *site) signLoose(v *visit) error { return s.sign(v, "/review/loose", numbers(v.field("ids"))) }
