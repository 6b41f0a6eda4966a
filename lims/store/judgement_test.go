package store_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// second puts another kit into use in both laboratories, with a lot of its own, and gives its key.
func (l *lab) second() string {
	l.t.Helper()
	return l.put("sansure", nil)
}

// put puts a shipped kit on record, changed by edit where it is not nil.
func (l *lab) put(name string, edit func(string) string) string {
	l.t.Helper()
	body, err := pcr.KitFile(name)
	require.NoError(l.t, err)
	if edit != nil {
		body = []byte(edit(string(body)))
	}
	k, err := l.st.AddKit(l.ctx, l.chief, body)
	require.NoError(l.t, err)
	require.NoError(l.t, l.st.ApproveKit(l.ctx, l.chief, k.Key(), strings.Repeat("ab", 32)))
	for _, to := range []int64{l.one, l.two} {
		l.id(l.st.AddLot(l.ctx, l.root, to, k.Key(), "LOT2", l.clock.now().AddDate(1, 0, 0)))
	}
	return k.Key()
}

// ran seals and starts a plate that was laid.
func (l *lab) ran(n store.NewPlate) store.Plate {
	l.t.Helper()
	by, on := l.tech, l.inst
	if n.Lab == l.two {
		by, on = l.east, l.inst2
	}
	n.Wells = 96
	p, err := l.st.Lay(l.ctx, by, n)
	require.NoError(l.t, err)
	require.NoError(l.t, l.st.Seal(l.ctx, by, p.ID))
	l.clock.step(40 * time.Minute)
	require.NoError(l.t, l.st.Start(l.ctx, by, p.ID, on))
	l.clock.step(100 * time.Minute)
	p, err = l.st.PlateByID(l.ctx, p.ID)
	require.NoError(l.t, err)
	return p
}

// truth says what stands in a well: the Cq of the virus targets and of the internal control, 0 none.
type truth func(w plate.Well) (virus [2]float64, internal float64)

// clean is a plate on which every control is right and every sample negative, but for what is found.
func clean(found map[string][2]float64) truth {
	return func(w plate.Well) (v [2]float64, internal float64) {
		internal = 26 + float64(plate.F96.Index(w.Pos))/100
		switch w.Role {
		case plate.Positive:
			v = [2]float64{27.1, 26.6}
		case plate.Weak:
			v = [2]float64{32.5, 32}
		}
		if f, ok := found[w.Code]; ok {
			v = f
		}
		if f, ok := found[w.Code+" "+w.Kit]; ok {
			v = f
		}
		return v, internal
	}
}

// says is the run of a plate that shows the truth.
func (l *lab) says(p store.Plate, is truth) pcr.Run {
	l.t.Helper()
	layout, err := l.st.Layout(l.ctx, p.ID)
	require.NoError(l.t, err)
	r := pcr.Run{Driver: "quantstudio", Instrument: "QuantStudio 5", Plate: p.Code, Name: p.Code, Cycles: 45}
	for _, w := range layout.Wells {
		v, internal := is(w)
		for target, cq := range map[string]float64{"ORF1ab": v[0], "N": v[1], "IC": internal} {
			one := pcr.Reading{Well: w.Pos.String(), Sample: w.Code, Target: target, State: pcr.NoCq, CqText: "Undetermined"}
			if cq > 0 {
				one.State, one.Cq, one.CqText = pcr.HasCq, cq, strconv.FormatFloat(cq, 'f', 2, 64)
			}
			r.Readings = append(r.Readings, one)
			r.Curves = append(r.Curves, pcr.Curve{Well: one.Well, Target: target, Kind: pcr.DeltaRn, First: 1, Y: curve(cq)})
		}
	}
	return r
}

// show judges and records what a plate shows.
func (l *lab) show(p store.Plate, is truth) lims.Verdict {
	l.t.Helper()
	v, err := l.record(p, l.says(p, is))
	require.NoError(l.t, err)
	return v
}

func (l *lab) record(p store.Plate, r pcr.Run) (lims.Verdict, error) {
	l.t.Helper()
	c, err := l.st.Case(l.ctx, r, p, "QuantStudio 5")
	require.NoError(l.t, err)
	v := lims.Judge(c)
	require.Empty(l.t, v.Differences)
	return v, l.st.Record(l.ctx, l.message(fmt.Sprintf("run of %s at %s", p.Code, l.clock.now())), "quantstudio",
		[]store.Judged{{Run: r, Plate: p.ID, Case: c, Verdict: v}})
}

// results says what stands of tubes, "call state" by tube, the newest result of each.
func (l *lab) results(codes ...string) string {
	l.t.Helper()
	var out []string
	for _, c := range codes {
		out = append(out, get[string](l, `SELECT coalesce((SELECT r.call || ' ' || r.state || CASE WHEN r.reason = '' THEN '' ELSE ' ' || r.reason END FROM results r
			JOIN samples s ON s.id = r.sample_id WHERE s.barcode = $1 ORDER BY r.id DESC LIMIT 1), '-')`, c))
	}
	return strings.Join(out, "; ")
}

// touch touches every flag of the first laboratory.
func (l *lab) touch() {
	l.t.Helper()
	flags, err := l.st.UntouchedFlags(l.ctx, store.Scope{Lab: l.one})
	require.NoError(l.t, err)
	var ids []int64
	for _, f := range flags {
		ids = append(ids, f.ID)
	}
	if ids != nil {
		require.NoError(l.t, l.st.TouchFlags(l.ctx, l.checker, ids, "looked at"))
	}
}
