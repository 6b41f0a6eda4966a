package web

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"net/url"
	"strings"

	"natlims/lims"
	"natlims/lims/store"
)

// decimal writes a Cq with one decimal; "—" where there is none.
func decimal(v any) string {
	switch n := v.(type) {
	case float64:
		return fmt.Sprintf("%.1f", n)
	case *float64:
		if n != nil {
			return fmt.Sprintf("%.1f", *n)
		}
	}
	return "—"
}

// share writes a probability as per cent.
func share(p float64) string { return fmt.Sprintf("%.3g%%", 100*p) }

// labOf is the laboratory that a page is about: the actor's own, or the one that was asked for, or the first of the city.
func (s *site) labOf(v *visit) (lab int64, labs []store.Lab, err error) {
	if v.Actor.Lab != 0 {
		return v.Actor.Lab, nil, nil
	}
	if labs, _, err = s.directory(v); err != nil {
		return 0, nil, err
	}
	if lab = v.id("lab"); lab == 0 && len(labs) > 0 {
		lab = labs[0].ID
	}
	return lab, labs, nil
}

type poolsPage struct {
	Labs    []store.Lab
	Lab     int64
	Mixing  []store.PoolRow // planned: their tubes are being mixed
	Waiting []store.PoolRow // mixed, without a plate
	Running []store.PoolRow // on a plate
	Read    []store.PoolRow // read and not ended
	Retests []store.RetestRow
	Odd     []store.Discordance
	Sent    []store.ForwardRow // between this laboratory and another, not done
	Forward bool               // some of the retests are better sent on
	Lots    []store.LotRow
	Batches []store.PoolBatch
}

func (s *site) pools(v *visit) (err error) {
	ctx := v.r.Context()
	var p poolsPage
	if p.Lab, p.Labs, err = s.labOf(v); err != nil {
		return err
	}
	sc := store.Scope{Lab: p.Lab}
	rows, err := s.st.OpenPools(ctx, sc)
	if err != nil {
		return err
	}
	for _, r := range rows {
		switch lims.State(r.State) {
		case lims.Planned:
			p.Mixing = append(p.Mixing, r)
		case lims.Received:
			p.Waiting = append(p.Waiting, r)
		case lims.Loaded:
			p.Running = append(p.Running, r)
		default:
			p.Read = append(p.Read, r)
		}
	}
	if p.Retests, err = s.st.Retests(ctx, sc); err != nil {
		return err
	}
	for _, r := range p.Retests {
		p.Forward = p.Forward || r.Forward
	}
	if p.Sent, err = s.st.OpenForwards(ctx, sc); err != nil {
		return err
	}
	if p.Odd, err = s.st.OpenDiscordances(ctx, sc); err != nil {
		return err
	}
	if p.Lots, err = s.st.LotsInUse(ctx, p.Lab); err != nil {
		return err
	}
	if p.Batches, err = s.st.PoolBatches(ctx, sc, store.Page{N: 20}); err != nil {
		return err
	}
	return v.show("pools", p)
}

// poolPage is one pool: its tubes, what was read of it, and the pools of its plan that it belongs to.
type poolPage struct {
	Pool    store.PoolRow
	Members []store.PoolMember
	Reads   []store.PoolRead
	Odd     []store.Discordance
	Sent    []store.ForwardRow
	Onward  int             // its tubes that could be sent on
	Tree    []store.PoolRow // the pool it is a part of, itself, and its own parts
	Sign    map[string]int  // its tubes' results by state, where it was negative
}

func (s *site) pool(v *visit) (err error) {
	ctx := v.r.Context()
	var p poolPage
	if p.Pool, err = s.st.PoolByCode(ctx, v.scope(), v.r.PathValue("pool")); err != nil {
		return err
	}
	if p.Members, err = s.st.PoolMembers(ctx, []int64{p.Pool.ID}); err != nil {
		return err
	}
	if p.Reads, err = s.st.PoolReads(ctx, p.Pool.ID); err != nil {
		return err
	}
	if p.Odd, err = s.st.PoolDiscordances(ctx, p.Pool.ID); err != nil {
		return err
	}
	if p.Sent, err = s.st.PoolForwards(ctx, p.Pool.ID); err != nil {
		return err
	}
	p.Onward = len(waitingSingly(p.Members))
	all, err := s.st.BatchPools(ctx, p.Pool.Batch)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Code == p.Pool.Parent || r.Code == p.Pool.Code || r.Parent == p.Pool.Code || r.Parent != "" && r.Parent == p.Pool.Parent {
			p.Tree = append(p.Tree, r)
		}
	}
	p.Sign = map[string]int{}
	if p.Pool.Call == "NEG" {
		for _, m := range p.Members {
			p.Sign[m.Stands]++
		}
	}
	return v.show("pool", p)
}

// mixPool takes what was scanned into a pool: one tube, or several below each other.
func (s *site) mixPool(v *visit) error {
	code := v.r.PathValue("pool")
	row, err := s.st.PoolByCode(v.r.Context(), v.scope(), code)
	if err != nil {
		return err
	}
	left, err := s.st.MixPool(v.r.Context(), v.Actor, row.Code, strings.Fields(v.Form.Get("tube")))
	if err != nil {
		return err
	}
	to := "/pools/" + url.PathEscape(row.Code)
	if left > 0 {
		return v.done(to, "pool.mixing", lims.Args{"pool": row.Code, "n": left})
	}
	return v.done(to, "pool.mixed", lims.Args{"pool": row.Code})
}

func (s *site) signPool(v *visit) error {
	row, err := s.st.PoolByCode(v.r.Context(), v.scope(), v.r.PathValue("pool"))
	if err != nil {
		return err
	}
	n, err := s.st.SignPool(v.r.Context(), v.Actor, row.Code, lims.Event(v.field("action")))
	if err != nil {
		return err
	}
	return v.done("/pools/"+url.PathEscape(row.Code), "pool.signed", lims.Args{"pool": row.Code, "n": n})
}

func (s *site) closeDiscordance(v *visit) error {
	row, err := s.st.PoolByCode(v.r.Context(), v.scope(), v.r.PathValue("pool"))
	if err != nil {
		return err
	}
	if err := s.st.CloseDiscordance(v.r.Context(), v.Actor, v.id("id"), v.field("reason")); err != nil {
		return err
	}
	return v.done("/pools/"+url.PathEscape(row.Code), "pool.agreed", lims.Args{"pool": row.Code})
}

// batchPage is one plan: who goes where.
type batchPage struct {
	Batch     store.PoolBatch
	Pools     []store.PoolRow
	Transfers []lims.Transfer
	Grid      [][]gridCell // of an array
	Drop      bool         // nothing of it was plated yet
}

type gridCell struct {
	Barcode, State, Result string
}

func (s *site) poolBatch(v *visit) error {
	p, _, err := s.batch(v)
	if err != nil {
		return err
	}
	return v.show("poolbatch", p)
}

func (s *site) batch(v *visit) (p batchPage, members []store.PoolMember, err error) {
	ctx := v.r.Context()
	if p.Batch, err = s.st.PoolBatchByCode(ctx, v.scope(), v.r.PathValue("batch")); err != nil {
		return p, nil, err
	}
	if p.Pools, err = s.st.BatchPools(ctx, p.Batch.ID); err != nil {
		return p, nil, err
	}
	ids := make([]int64, len(p.Pools))
	byID := map[int64]int{}
	p.Drop = true
	for i, r := range p.Pools {
		ids[i], byID[r.ID] = r.ID, i
		p.Drop = p.Drop && (r.State == string(lims.Planned) || r.State == string(lims.Received))
	}
	if members, err = s.st.PoolMembers(ctx, ids); err != nil {
		return p, nil, err
	}
	var tubes []string
	seen := map[string]bool{}
	mixes := make([]lims.PoolMix, len(p.Pools))
	for _, m := range members {
		i := byID[m.Pool]
		mix := &mixes[i]
		if mix.Done == nil {
			*mix = lims.PoolMix{Code: p.Pools[i].Code, UL: m.UL, Done: map[string]bool{}}
		}
		mix.Tubes = append(mix.Tubes, m.Barcode)
		mix.Done[m.Barcode] = m.MixedAt != nil
		if !seen[m.Barcode] {
			seen[m.Barcode] = true
			tubes = append(tubes, m.Barcode)
		}
		if p.Pools[i].Axis == string(lims.Row) {
			for len(p.Grid) < p.Pools[i].Number {
				p.Grid = append(p.Grid, nil)
			}
			p.Grid[p.Pools[i].Number-1] = append(p.Grid[p.Pools[i].Number-1], gridCell{m.Barcode, m.State, m.Result})
		}
	}
	p.Transfers = lims.Transfers(tubes, mixes)
	return p, members, nil
}

// poolWorklist gives the transfers that are not done yet as a file for a liquid handler.
func (s *site) poolWorklist(v *visit) error {
	p, _, err := s.batch(v)
	if err != nil {
		return err
	}
	var open []lims.Transfer
	for _, t := range p.Transfers {
		if !t.Done {
			open = append(open, t)
		}
	}
	var b bytes.Buffer
	name, write := p.Batch.Code+".csv", lims.WriteHamilton
	if v.field("format") == "tecan" {
		name, write = p.Batch.Code+".gwl", lims.WriteTecan
	}
	if err := write(&b, open); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	v.w.Write(b.Bytes()) //nolint:errcheck // the browser has gone
	return nil
}

func (s *site) dropPools(v *visit) error {
	b, err := s.st.PoolBatchByCode(v.r.Context(), v.scope(), v.r.PathValue("batch"))
	if err != nil {
		return err
	}
	if err := s.st.DropPools(v.r.Context(), v.Actor, b.ID, v.field("reason")); err != nil {
		return err
	}
	return v.done("/pools", "pool.dropped", lims.Args{"batch": b.Code})
}

func (s *site) dropPool(v *visit) error {
	row, err := s.st.PoolByCode(v.r.Context(), v.scope(), v.r.PathValue("pool"))
	if err != nil {
		return err
	}
	if err := s.st.DropPool(v.r.Context(), v.Actor, row.Code, v.field("reason")); err != nil {
		return err
	}
	return v.done("/pools/"+url.PathEscape(row.Code), "pool.given_up", lims.Args{"pool": row.Code})
}

// recall is a person to be called back, masked.
type recall struct {
	store.RecallRow
	Who string
}

type recallsPage struct {
	Rows   []recall
	Signed int
}

// recalls lists whom a department has to call back, as soon as a tube was read.
func (s *site) recalls(v *visit) error {
	rows, err := s.st.RecallList(v.r.Context(), v.scope(), 1000)
	if err != nil {
		return err
	}
	var p recallsPage
	for _, r := range rows {
		p.Rows = append(p.Rows, recall{r, subject(store.OrderRow{SubjectKind: r.Kind, SubjectName: r.Name})})
		if r.Signed {
			p.Signed++
		}
	}
	return v.show("recalls", p)
}

// pooled is the chain of a tube that had a share of a pool; nil of any other.
func (s *site) pooled(ctx context.Context, sample int64) ([]store.Proof, error) {
	chain, err := s.st.ProofOf(ctx, sample)
	for _, p := range chain {
		if p.Pool != "" {
			return chain, err
		}
	}
	return nil, err
}

// proof is the chain that leads to what is said of a tube, for printing.
func (s *site) proof(v *visit) error {
	t, err := s.st.TubeByCode(v.r.Context(), v.scope(), v.r.PathValue("barcode"))
	if err != nil {
		return err
	}
	chain, err := s.st.ProofOf(v.r.Context(), t.ID)
	if err != nil {
		return err
	}
	results, err := s.st.TubeResults(v.r.Context(), v.scope(), t.ID)
	if err != nil {
		return err
	}
	return v.show("proof", struct {
		Tube    store.TubeRow
		Chain   []store.Proof
		Results []store.TubeResult
	}{t, chain, results})
}

func (s *site) measureTube(v *visit) error {
	code := v.r.PathValue("barcode")
	ul := int(v.id("ul"))
	if v.field("ul") == "" {
		ul = -1
	}
	if err := s.st.MeasureTube(v.r.Context(), v.Actor, code, ul); err != nil {
		return err
	}
	return v.done("/tubes/"+url.PathEscape(code)+"/proof", "tube.measured", lims.Args{"barcode": code, "ul": ul})
}
