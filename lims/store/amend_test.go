package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/reports"
)

// doubt opens an amendment of the released results of a tube.
func (l *lab) doubt(code string, tube string) int64 {
	l.t.Helper()
	return l.id(l.st.OpenAmendment(l.ctx, l.chief, store.NewAmendment{Results: l.called(lims.Released, tube), Code: code, Reason: "结果录入孔位错误"}))
}

// call is the newest call of a run on a tube.
func (l *lab) call(tube string) store.Correction {
	l.t.Helper()
	var c store.Correction
	require.NoError(l.t, l.st.DB().QueryRowx(`SELECT run_id, pos, kit_key FROM calls WHERE code = $1 ORDER BY run_id DESC LIMIT 1`, tube).Scan(&c.Run, &c.Pos, &c.Kit))
	return c
}

// A tube is tested again after its result was released; the second run is the evidence of the corrected one.
func TestAmendByRetest(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.readTubes(3, nil)
	l.signed(codes...)
	old := l.called(lims.Released, codes[1])
	n := store.NewAmendment{Results: old, Code: "retest", Reason: "复测结果不同"}
	_, err := l.st.OpenAmendment(l.ctx, l.checker, n)
	refused(t, err, lims.Denied, "role.needed")
	_, err = l.st.OpenAmendment(l.ctx, l.east, n)
	refused(t, err, lims.NotFound, "not_found")
	_, err = l.st.OpenAmendment(l.ctx, l.chief, store.NewAmendment{Results: old, Code: "retest", Reason: " "})
	refused(t, err, lims.Invalid, "reason.needed")
	_, err = l.st.OpenAmendment(l.ctx, l.chief, store.NewAmendment{Results: old, Code: "whim", Reason: "x"})
	refused(t, err, lims.Invalid, "amend.code")
	_, err = l.st.OpenAmendment(l.ctx, l.chief, store.NewAmendment{Results: l.called(lims.Released, codes...), Code: "retest", Reason: "x"})
	refused(t, err, lims.Invalid, "amend.one_tube")
	id := l.doubt("retest", codes[1])
	_, err = l.st.OpenAmendment(l.ctx, l.chief, n)
	refused(t, err, lims.Conflict, "amend.open")

	require.NoError(t, l.st.RetestAmended(l.ctx, l.chief, id))
	require.Equal(t, "closed received closed", l.states(codes...))
	refused(t, l.st.DropAmendment(l.ctx, l.chief, id, "x"), lims.Conflict, "amend.at_bench")
	refused(t, l.st.Correct(l.ctx, l.chief, id, l.call(codes[1])), lims.Invalid, "amend.nothing")
	l.read(l.running(codes[1:2]), cqs{codes[1]: {24.4, 23.9}})
	require.Equal(t, "final", l.orderStates(codes...), "the released result counts until another one is signed")
	require.NoError(t, l.st.Correct(l.ctx, l.chief, id, l.call(codes[1])))
	require.Equal(t, "negative released 1, positive called 2", l.chain(codes[1]))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM alerts WHERE key = 'amendment:' || $1::bigint`, id))
	refused(t, l.st.Correct(l.ctx, l.chief, id, l.call(codes[1])), lims.Conflict, "amend.called")

	ids := l.called(lims.Called, codes[1])
	require.NoError(t, l.st.Check(l.ctx, l.both, ids))
	refused(t, l.st.Release(l.ctx, l.both, ids), lims.Denied, "release.same_person")
	require.Equal(t, 0, get[int](l, `SELECT count(*) FROM deliveries WHERE correction`))
	require.NoError(t, l.st.Release(l.ctx, l.releaser, ids))
	require.Equal(t, "negative superseded 1, positive released 2", l.chain(codes[1]))
	require.Equal(t, "closed", l.states(codes...))
	require.Equal(t, "final", l.orderStates(codes...))
	require.Equal(t, "1 true true", get[string](l, `SELECT results || ' ' || positive || ' ' || correction FROM deliveries ORDER BY seq DESC LIMIT 1`))

	rep := l.lastReport()
	require.Len(t, rep.Results, 1)
	one := rep.Results[0]
	require.True(t, one.Corrected())
	require.Equal(t, "结果录入孔位错误", one.Reason)
	require.Equal(t, 1, one.ReplacesVersion)
	require.Equal(t, get[string](l, `SELECT x.delivery_id FROM delivery_results x WHERE x.result_id = $1`, old[0]), one.Replaces, "the report that this destination received")
	was, err := l.st.ReportFor(l.ctx, l.chief, l.dep, old, "zh")
	require.NoError(t, err)
	require.Equal(t, lims.Negative, was.Results[0].Call, "the old one stays readable")
	require.Regexp(t, `^R-`+codes[1]+`-\d+-V2$`, was.Results[0].ReplacedBy)

	a, err := l.st.AmendmentByID(l.ctx, store.Scope{Lab: l.one}, id)
	require.NoError(t, err)
	require.Equal(t, "released run negative positive", a.Outcome+" "+a.Basis+" "+a.OldCall+" "+a.Call)
	_, err = l.st.AmendmentByID(l.ctx, store.Scope{Department: l.dep}, id)
	require.ErrorIs(t, err, lims.NotFound)
	refused(t, l.st.DropAmendment(l.ctx, l.chief, id, "x"), lims.Conflict, "amend.ended")
	_, err = l.st.DB().ExecContext(l.ctx, `DELETE FROM amendments`)
	require.ErrorContains(t, err, "append only")
}

// What a person says on a record, for all ten of a tube at once; a corrected result that is none asks for a new collection.
func TestAmendByRecord(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	mixed := l.received(1, lims.Mixed5)
	l.read(l.running(mixed), nil)
	l.signed(mixed...)
	id := l.doubt("contamination", mixed[0])
	refused(t, l.st.Correct(l.ctx, l.chief, id, store.Correction{Call: lims.InvalidResult}), lims.Invalid, "amend.evidence")
	refused(t, l.st.Correct(l.ctx, l.chief, id, store.Correction{Call: "fine", Evidence: "x"}), lims.Invalid, "amend.call")
	refused(t, l.st.Correct(l.ctx, l.chief, id, store.Correction{Call: lims.Positive, Evidence: "x"}), lims.Denied, "amend.pooled")
	refused(t, l.st.Correct(l.ctx, l.chief, id, store.Correction{Call: lims.Negative, Evidence: "x"}), lims.Invalid, "amend.nothing")
	require.NoError(t, l.st.Correct(l.ctx, l.chief, id, store.Correction{Call: lims.InvalidResult, Evidence: "偏差记录 D-17"}))
	ids := l.called(lims.Called, mixed...)
	require.Len(t, ids, 5)
	require.NoError(t, l.st.Check(l.ctx, l.checker, ids))
	refused(t, l.st.Release(l.ctx, l.releaser, ids[:4]), lims.Conflict, "amend.together")
	require.NoError(t, l.st.Release(l.ctx, l.releaser, ids))
	require.Equal(t, "waiting", l.orderStates(mixed...))
	require.Equal(t, 5, get[int](l, `SELECT count(*) FROM results WHERE state = 'superseded'`))

	// A doubt that proves to be none, and one that is withdrawn and said anew.
	codes := l.readTubes(2, nil)
	l.signed(codes...)
	id = l.doubt("misread", codes[0])
	refused(t, l.st.DropAmendment(l.ctx, l.chief, id, ""), lims.Invalid, "reason.needed")
	require.NoError(t, l.st.DropAmendment(l.ctx, l.chief, id, "曲线复核无误"))
	require.Equal(t, "negative released 1", l.chain(codes[0]))
	id = l.doubt("misread", codes[0])
	require.NoError(t, l.st.Correct(l.ctx, l.chief, id, store.Correction{Call: lims.Positive, Evidence: "记录"}))
	require.NoError(t, l.st.Withdraw(l.ctx, l.checker, l.called(lims.Called, codes[0]), "记录不清"))
	require.Equal(t, "closed", l.states(codes...), "nothing is tested for a withdrawn correction")
	require.NoError(t, l.st.Correct(l.ctx, l.chief, id, store.Correction{Call: lims.InvalidResult, Evidence: "记录 2"}))
	l.signed(codes[0])
	require.Equal(t, "negative superseded 1, positive withdrawn 2, invalid released 3", l.chain(codes[0]))
	require.Equal(t, 1, l.lastReport().Results[0].ReplacesVersion)
}

// Two tubes were mistaken for one another, and a name was wrong: the old report keeps the name that it had.
func TestAmendIdentity(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.readTubes(3, func(c []string) cqs { return cqs{c[1]: {24.4, 23.9}} })
	l.signed(codes...)
	id := l.doubt("misread", codes[0])
	refused(t, l.st.Correct(l.ctx, l.chief, id, l.call(codes[1])), lims.Denied, "amend.other_tube")
	require.NoError(t, l.st.DropAmendment(l.ctx, l.chief, id, "另开"))
	id = l.doubt("identity", codes[0])
	rows, err := l.st.Evidence(l.ctx, store.Scope{Lab: l.one}, id, codes[1])
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.NoError(t, l.st.Correct(l.ctx, l.chief, id, l.call(codes[1])))
	l.signed(codes[1])
	one := l.lastReport().Results[0]
	require.Equal(t, codes[1]+" "+codes[0]+" positive", one.Sample.Barcode+" "+one.Sample.Original+" "+one.Call)

	before := l.called(lims.Released, codes[2])
	id = l.doubt("identity", codes[2])
	sub := &lims.Subject{Kind: lims.Person, Name: "更名人", DocType: "passport", DocNo: "E7654321"}
	refused(t, l.st.Correct(l.ctx, l.chief, id, store.Correction{Call: lims.Negative, Evidence: "x", Subject: &lims.Subject{Kind: lims.Person}}), lims.Invalid, "order.name")
	require.NoError(t, l.st.Correct(l.ctx, l.chief, id, store.Correction{Call: lims.Negative, Evidence: "采样点登记表", Subject: sub}))
	was, err := l.st.ReportFor(l.ctx, l.chief, l.dep, before, "zh")
	require.NoError(t, err)
	name := was.Results[0].Subject.Name
	l.signed(codes[2])
	now, err := l.st.ReportFor(l.ctx, l.chief, l.dep, l.called(lims.Released, codes[2]), "zh")
	require.NoError(t, err)
	require.Equal(t, "更名人", now.Results[0].Subject.Name)
	was, err = l.st.ReportFor(l.ctx, l.chief, l.dep, before, "zh")
	require.NoError(t, err)
	require.Equal(t, name, was.Results[0].Subject.Name)
	require.NotContains(t, get[string](l, `SELECT string_agg(changes::text, ' ') FROM audit`), "更名人", "names stay out of the trail")
}

// chain is what stands of the only order of a tube, oldest first.
func (l *lab) chain(tube string) string {
	l.t.Helper()
	return get[string](l, `SELECT string_agg(r.call || ' ' || r.state || ' ' || r.version, ', ' ORDER BY r.version) FROM results r
		JOIN orders o ON o.id = r.order_id JOIN samples s ON s.id = o.sample_id WHERE s.barcode = $1`, tube)
}

// lastReport is the report of the newest delivery.
func (l *lab) lastReport() reports.Report {
	l.t.Helper()
	d, err := l.st.ClaimDeliveries(l.ctx, store.Claim{Most: 1000, Each: 1000, Lease: time.Minute})
	require.NoError(l.t, err)
	require.NotEmpty(l.t, d)
	last := d[0]
	for _, one := range d {
		if one.Seq > last.Seq {
			last = one
		}
	}
	rep, err := l.st.ReportOf(l.ctx, last)
	require.NoError(l.t, err)
	return rep
}
