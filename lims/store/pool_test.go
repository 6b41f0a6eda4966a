package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/pooling"
)

// pooling lets the first laboratory make pools of up to n tubes.
func (l *lab) pooling(n int) {
	l.t.Helper()
	require.NoError(l.t, l.st.AddPoolRules(l.ctx, l.chief, store.PoolRules{Lab: l.one, Source: "test", Gate: 0.01, Largest: 20, Never: []string{"close_contact", "key_person", "fever_clinic"},
		TubeUL: 3000, AliquotUL: 200, SingleUL: 200}))
	require.NoError(l.t, l.st.ValidatePool(l.ctx, l.chief, store.Validation{Lab: l.one, Kit: l.kit, Kind: pooling.Media, N: n, Tested: 20, Detected: 19, Source: "V-1"}))
}

// singles gives n tubes of one person each that wait at the first laboratory.
func (l *lab) singles(n int, c lims.Category) []string {
	l.t.Helper()
	codes := l.tubes(l.dep, lims.Single, l.orders(l.dep, n, c))
	box := l.box(l.dep, l.one, codes)
	l.clock.step(10 * time.Minute)
	_, err := l.st.Scan(l.ctx, l.tech, box, codes)
	require.NoError(l.t, err)
	return codes
}

func (l *lab) plan(scheme string, n int, codes []string) store.NewPools {
	return store.NewPools{Lab: l.one, Kit: l.kit, Scheme: scheme, N: n, Codes: codes, Risk: 0.001}
}

// pools plans and gives the codes of the pools.
func (l *lab) pools(n store.NewPools) (store.PoolBatch, []string) {
	l.t.Helper()
	b, err := l.st.PlanPools(l.ctx, l.tech, n)
	require.NoError(l.t, err)
	return b, all[string](l, `SELECT code FROM pools WHERE batch_id = $1 ORDER BY id`, b.ID)
}

// mixed has a robot mix pools.
func (l *lab) mixed(pools ...string) {
	l.t.Helper()
	for _, p := range pools {
		left, err := l.st.MixPool(l.ctx, l.tech, p, l.inPool(p))
		require.NoError(l.t, err)
		require.Zero(l.t, left)
	}
}

func (l *lab) inPool(p string) []string {
	l.t.Helper()
	return all[string](l, `SELECT s.barcode FROM pool_samples m JOIN samples s ON s.id = m.sample_id JOIN pools p ON p.id = m.pool_id WHERE p.code = $1 ORDER BY m.position`, p)
}

// pool is the state and call of a pool.
func (l *lab) pool(code string) string {
	l.t.Helper()
	return get[string](l, `SELECT trim(state || ' ' || call) FROM pools WHERE code = $1`, code)
}

func TestPoolToTheEnd(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(10, lims.Screening)
	b, pools := l.pools(l.plan(pooling.OptDorfman, 5, codes))
	require.Len(t, pools, 2)
	require.InDelta(t, 2.05, b.Expected, 0.01, "two pools, and a one in two hundred chance of five retests for each")
	require.Equal(t, "loaded", l.states(codes...))
	waiting, err := l.st.Waiting(l.ctx, l.one, 10)
	require.NoError(t, err)
	require.Empty(t, waiting, "nobody plates them singly by mistake")

	left, err := l.st.MixPool(l.ctx, l.tech, pools[0], codes[:1])
	require.NoError(t, err)
	require.Equal(t, 4, left)
	_, err = l.st.MixPool(l.ctx, l.tech, pools[0], codes[:1])
	require.Equal(t, codes[:1], refused(t, err, lims.Conflict, "pool.mixed_already")["barcodes"])
	_, err = l.st.MixPool(l.ctx, l.tech, pools[0], codes[5:6])
	require.Equal(t, codes[5:6], refused(t, err, lims.Invalid, "pool.wrong_tube")["barcodes"])
	_, err = l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: pools[:1]})
	refused(t, err, lims.Conflict, "sample.not_waiting")
	_, err = l.st.MixPool(l.ctx, l.tech, pools[0], codes[1:5])
	require.NoError(t, err)
	_, err = l.st.MixPool(l.ctx, l.tech, pools[0], codes[:1])
	refused(t, err, lims.Conflict, "pool.not_planned")
	l.mixed(pools[1])
	require.Equal(t, 2800, get[int](l, `SELECT sum(ul) FROM volumes v JOIN samples s ON s.id = v.sample_id WHERE barcode = $1`, codes[0]))

	other := l.singles(1, lims.KeyPerson)
	p := l.running(append(slices.Clone(pools), other...))
	l.read(p, cqs{pools[1]: {32.4, 31.4}})
	require.Equal(t, "read NEG", l.pool(pools[0]))
	require.Equal(t, "read POS", l.pool(pools[1]))
	require.Equal(t, "read", l.states(codes[:5]...))
	require.Equal(t, "received", l.states(codes[5:]...), "under verification")
	require.Zero(t, get[int](l, `SELECT count(*) FROM results r JOIN samples s ON s.id = r.sample_id WHERE barcode = ANY($1)`, pq.Array(codes[5:])), "a pool makes nobody positive")
	require.Equal(t, 5, get[int](l, `SELECT count(*) FROM results WHERE pool_id = (SELECT id FROM pools WHERE code = $1) AND call = 'negative' AND state = 'called'`, pools[0]))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM alerts WHERE kind = 'suspicious'`))

	late := l.singles(1, lims.KeyPerson)
	waiting, err = l.st.Waiting(l.ctx, l.one, 10)
	require.NoError(t, err)
	require.Len(t, waiting, 6)
	require.ElementsMatch(t, codes[5:], []string{waiting[0].Barcode, waiting[1].Barcode, waiting[2].Barcode, waiting[3].Barcode, waiting[4].Barcode}, "retests go first")
	require.Equal(t, late[0], waiting[5].Barcode)
	retests, err := l.st.Retests(l.ctx, store.Scope{Lab: l.one})
	require.NoError(t, err)
	require.Len(t, retests, 5)
	require.Equal(t, pools[1], retests[0].Pool)

	// the negative pool is signed as one, by two people, and says on the report that it was pooled
	_, err = l.st.SignPool(l.ctx, l.releaser, pools[0], "release")
	refused(t, err, lims.Conflict, "pool.nothing_to_sign")
	n, err := l.st.SignPool(l.ctx, l.checker, pools[0], "check")
	require.NoError(t, err)
	require.Equal(t, 5, n)
	_, err = l.st.SignPool(l.ctx, l.releaser, pools[0], "release")
	require.NoError(t, err)
	require.Equal(t, "closed NEG", l.pool(pools[0]))
	require.Equal(t, "final", l.orderStates(codes[:5]...))
	released := all[int64](l, `SELECT id FROM results WHERE state = 'released'`)
	rep, err := l.st.ReportFor(l.ctx, l.tech, l.dep, released, "en")
	require.NoError(t, err)
	require.Len(t, rep.Results, 5)
	for _, r := range rep.Results {
		require.Equal(t, 5, r.Sample.PoolOf)
		require.Equal(t, 1, r.Sample.PooledN)
		require.Len(t, r.Arms, 1, "the pool's own well")
		require.Equal(t, "neg", r.Arms[0].Targets[0].State)
	}
	_, err = l.st.SignPool(l.ctx, l.checker, pools[1], "check")
	refused(t, err, lims.Conflict, "pool.nothing_to_sign")

	// the tubes of the other are tested singly; one of them explains the pool
	l.read(l.running(codes[5:]), cqs{codes[7]: {29.8, 29.1}})
	require.Equal(t, "read POS", l.pool(pools[1]))
	require.Zero(t, get[int](l, `SELECT count(*) FROM pool_discordances`), "31.4 is what one in five of 29.1 gives")
	require.InDelta(t, 31.42, get[float64](l, `SELECT expected_cq FROM pools WHERE code = $1`, pools[1]), 0.01)
	l.signed(codes[5:]...)
	require.Equal(t, "closed POS", l.pool(pools[1]), "every tube has its own end")
	require.Equal(t, "final", l.orderStates(codes[5:]...))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM results WHERE state = 'released' AND call = 'positive'`))
	require.Equal(t, 2600, get[int](l, `SELECT sum(ul) FROM volumes v JOIN samples s ON s.id = v.sample_id WHERE barcode = $1`, codes[7]), "the pool's aliquot and a single test")

	proof, err := l.st.ProofOf(l.ctx, get[int64](l, `SELECT id FROM samples WHERE barcode = $1`, codes[6]))
	require.NoError(t, err)
	require.Len(t, proof, 2)
	require.Equal(t, []string{pools[1], "implicated", "POS"}, []string{proof[0].Pool, proof[0].Effect, proof[0].Call})
	require.Equal(t, []string{"", "single", "negative"}, []string{proof[1].Pool, proof[1].Effect, proof[1].Call})
	require.NotEmpty(t, proof[0].Plate+proof[0].Pos)
	require.Equal(t, "LOT1", proof[0].Lot)
}

// A pool that was positive while all its tubes are negative is nobody's to wave through.
func TestPoolDiscordance(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(4, lims.Screening)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 4, codes))
	l.mixed(pools...)
	l.read(l.running(pools), cqs{pools[0]: {34, 33.5}})
	l.read(l.running(codes), nil)
	require.Len(t, l.called(lims.Held, codes...), 4)
	require.Equal(t, "pool.discordant", get[string](l, `SELECT DISTINCT reason FROM results`))
	odd, err := l.st.OpenDiscordances(l.ctx, store.Scope{Lab: l.one})
	require.NoError(t, err)
	require.Len(t, odd, 1)
	require.Equal(t, "singles_negative", odd[0].Kind)
	ids := l.called(lims.Held, codes...)
	require.NoError(t, l.st.Check(l.ctx, l.checker, ids))
	require.NoError(t, l.st.Release(l.ctx, l.releaser, ids))
	require.Equal(t, "read POS", l.pool(pools[0]), "it stays open until somebody has said why")
	refused(t, l.st.CloseDiscordance(l.ctx, l.tech, odd[0].ID, "carry-over"), lims.Denied, "role.needed")
	refused(t, l.st.CloseDiscordance(l.ctx, l.chief, odd[0].ID, " "), lims.Invalid, "reason.needed")
	refused(t, l.st.CloseDiscordance(l.ctx, l.east, odd[0].ID, "carry-over"), lims.NotFound, "not_found")
	require.NoError(t, l.st.CloseDiscordance(l.ctx, l.chief, odd[0].ID, "carry-over"))
	require.Equal(t, "closed POS", l.pool(pools[0]), "and keeps its call")
	refused(t, l.st.CloseDiscordance(l.ctx, l.chief, odd[0].ID, "carry-over"), lims.NotFound, "not_found")
}

// Tubes that were exchanged show in the Cq.
func TestPoolCqDoesNotFit(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(4, lims.Screening)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 4, codes))
	l.mixed(pools...)
	l.read(l.running(pools), cqs{pools[0]: {24, 23.5}})
	l.read(l.running(codes), cqs{codes[1]: {35, 34.2}})
	require.Equal(t, []string{"cq"}, all[string](l, `SELECT kind FROM pool_discordances`))
	require.InDelta(t, 36.2, get[float64](l, `SELECT expected FROM pool_discordances`), 0.01)
}

// A tube of a negative pool that is tested singly for another reason and comes up: the pool keeps its call, the others are held.
func TestSingleAgainstANegativePool(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(4, lims.Screening)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 4, codes))
	l.mixed(pools...)
	l.read(l.running(pools), nil)
	require.Equal(t, "read NEG", l.pool(pools[0]))
	ids := l.called(lims.Called, codes[3])
	require.NoError(t, l.st.Check(l.ctx, l.checker, ids))
	// the clinic calls: one of them has symptoms. What the pool said of it is taken back, its tube is tested alone
	require.NoError(t, l.st.Withdraw(l.ctx, l.chief, l.called(lims.Called, codes[0]), "symptoms"))
	l.read(l.running(codes[:1]), cqs{codes[0]: {36.5, 36}})
	odd, err := l.st.OpenDiscordances(l.ctx, store.Scope{Lab: l.one})
	require.NoError(t, err)
	require.Len(t, odd, 1)
	require.Equal(t, "single_positive", odd[0].Kind)
	require.InDelta(t, 38, *odd[0].Expected, 0.01, "what one in four of 36 should have given")
	require.Len(t, l.called(lims.Held, codes...), 2, "of the others, what nobody has signed")
	require.Len(t, l.called(lims.Checked, codes[3]), 1)
	require.Len(t, l.called(lims.Called, codes[0]), 1, "the person's own result goes its way")
	require.Equal(t, "read NEG", l.pool(pools[0]), "not rewritten")
	require.NoError(t, l.st.CloseDiscordance(l.ctx, l.chief, odd[0].ID, "late infection, the pool was too thin"))

	// a negative single says nothing against a negative pool
	more := l.singles(2, lims.Screening)
	_, second := l.pools(l.plan(pooling.OptDorfman, 2, more))
	l.mixed(second...)
	l.read(l.running(second), nil)
	require.NoError(t, l.st.Withdraw(l.ctx, l.chief, l.called(lims.Called, more[0]), "symptoms"))
	l.read(l.running(more[:1]), nil)
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM pool_discordances`))
}

// Cut-offs of a validated size say which late Cq counts; the call remembers them.
func TestPoolCutoffs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	v := store.Validation{Lab: l.one, Kit: l.kit, Kind: pooling.Media, N: 5, Tested: 20, Detected: 20, Source: "V-5", Cutoffs: lims.Cutoffs{"ORF1ab": 41.5, "N": 41.5}}
	bad := v
	bad.Cutoffs = lims.Cutoffs{"N": 44}
	refused(t, l.st.ValidatePool(l.ctx, l.chief, bad), lims.Invalid, "pool.cutoff")
	require.NoError(t, l.st.ValidatePool(l.ctx, l.chief, v))
	codes := l.singles(15, lims.Screening)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 5, codes[:10]))
	_, wide := l.pools(l.plan(pooling.OptDorfman, 5, codes[10:]))
	l.mixed(append(pools, wide...)...)
	l.read(l.running(append(pools, wide...)), cqs{pools[0]: {42.4, 0}, pools[1]: {41.2, 0}})
	require.Equal(t, "read NEG", l.pool(pools[0]), "later than the cut-off: noise")
	require.Equal(t, "read GREY", l.pool(pools[1]))
	proof, err := l.st.ProofOf(l.ctx, get[int64](l, `SELECT id FROM samples WHERE barcode = $1`, codes[0]))
	require.NoError(t, err)
	require.Len(t, proof, 1)
	require.Equal(t, "N 41.5, ORF1ab 41.5", proof[0].Cutoffs.String())
	rows, err := l.st.Validations(l.ctx, l.one)
	require.NoError(t, err)
	require.Len(t, rows, 2)

	// a larger pool goes by the validation that covers it, which has none: every Cq counts
	big := l.singles(10, lims.Screening)
	_, ten := l.pools(l.plan(pooling.OptDorfman, 10, big))
	l.mixed(ten...)
	l.read(l.running(ten), cqs{ten[0]: {42.4, 0}})
	require.Equal(t, "read GREY", l.pool(ten[0]))
}

// A tube of several swabs goes by the kit's own cut-off, unless its size was validated with another.
func TestSwabCutoffs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	before := l.received(1, lims.Mixed10)
	l.read(l.running(before), cqs{before[0]: {41, 0}})
	require.Len(t, l.called(lims.Called, before...), 10)
	require.Equal(t, "negative", get[string](l, `SELECT DISTINCT call FROM results`))
	require.NoError(t, l.st.ValidatePool(l.ctx, l.chief, store.Validation{Lab: l.one, Kit: l.kit, Kind: pooling.Swab, N: 10, Tested: 30, Detected: 30, Source: "V-6",
		Cutoffs: lims.Cutoffs{"ORF1ab": 41.5}}))
	codes := l.received(2, lims.Mixed10)
	l.read(l.running(codes), cqs{codes[0]: {41, 0}, codes[1]: {42, 0}})
	require.Equal(t, "pending_review", get[string](l, `SELECT DISTINCT r.call FROM results r JOIN samples s ON s.id = r.sample_id WHERE barcode = $1`, codes[0]))
	require.Equal(t, "negative", get[string](l, `SELECT DISTINCT r.call FROM results r JOIN samples s ON s.id = r.sample_id WHERE barcode = $1`, codes[1]))
	require.Equal(t, []string{"recall " + codes[0] + " not_negative"}, l.notices())
}

func TestPoolArray(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(12, lims.Screening)
	n := l.plan(pooling.OptArray, 0, codes)
	n.Rows, n.Cols = 3, 4
	_, pools := l.pools(n)
	require.Len(t, pools, 7)
	require.Equal(t, []string{codes[1], codes[5], codes[9]}, l.inPool(pools[4]), "the second column")
	l.mixed(pools...)
	require.Equal(t, 2600, get[int](l, `SELECT sum(ul) FROM volumes v JOIN samples s ON s.id = v.sample_id WHERE barcode = $1`, codes[0]), "an aliquot for the row and one for the column")
	// row 2 and column 3 come up: the tube where they cross is tested singly, all others are clear
	l.read(l.running(pools), cqs{pools[1]: {30, 29.5}, pools[5]: {29.8, 29}})
	require.Equal(t, "received", l.states(codes[6]))
	require.Equal(t, 11, get[int](l, `SELECT count(*) FROM results WHERE call = 'negative' AND pool_id IS NOT NULL`))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM samples WHERE retest_of IS NOT NULL`))
	for _, c := range []string{codes[4], codes[2]} { // beside and above the crossing
		by := get[string](l, `SELECT p.call FROM results r JOIN pools p ON p.id = r.pool_id JOIN samples s ON s.id = r.sample_id WHERE s.barcode = $1`, c)
		require.Equal(t, "NEG", by, "cleared by the other axis")
	}
	l.signed(without(codes, codes[6])...)
	require.Equal(t, "read POS", l.pool(pools[1]))
	l.read(l.running(codes[6:7]), cqs{codes[6]: {28, 27.4}})
	l.signed(codes[6])
	for _, p := range pools {
		require.Equal(t, "closed", strings.Fields(l.pool(p))[0], p)
	}
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == one })
}

// Three stages: the parts are mixed from the retained tubes.
func TestPoolThreeStages(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(9, lims.Screening)
	l.exec(`UPDATE samples SET due_at = due_at + interval '1 day'`)
	_, pools := l.pools(l.plan(pooling.OptThree, 9, codes))
	l.mixed(pools...)
	l.read(l.running(pools), cqs{pools[0]: {33, 32.5}})
	parts := all[string](l, `SELECT code FROM pools WHERE axis = 'part' ORDER BY id`)
	require.Len(t, parts, 3)
	require.Equal(t, "loaded", l.states(codes...))
	l.mixed(parts...)
	l.read(l.running(parts), cqs{parts[1]: {31.5, 31}})
	sick := l.inPool(parts[1])
	require.Len(t, sick, 3)
	require.Equal(t, "received", l.states(sick...))
	require.Equal(t, 6, get[int](l, `SELECT count(*) FROM results WHERE call = 'negative'`))
	l.read(l.running(sick), cqs{sick[0]: {29.9, 29.5}})
	l.signed(codes...)
	for _, p := range append(pools, parts...) {
		require.Equal(t, "closed", strings.Fields(l.pool(p))[0], p)
	}
	require.Zero(t, get[int](l, `SELECT count(*) FROM pool_discordances`))
}

// A pool whose internal control did not come up is extracted once more when there is time, then its tubes are tested singly.
func TestPoolInvalid(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(3, lims.Screening)
	l.exec(`UPDATE samples SET due_at = due_at + interval '1 day'`)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 3, codes))
	l.mixed(pools...)
	silent := func() {
		p := l.running(pools)
		j := l.judged(p, nil)
		for i, r := range j.Run.Readings {
			if r.Sample == pools[0] {
				j.Run.Readings[i].State, j.Run.Readings[i].Cq, j.Run.Readings[i].CqText = "none", 0, "Undetermined"
				for k := range j.Run.Curves {
					if j.Run.Curves[k].Well == r.Well {
						j.Run.Curves[k].Y = curve(0)
					}
				}
			}
		}
		c, err := l.st.Case(l.ctx, j.Run, p, "QuantStudio 5")
		require.NoError(t, err)
		j.Case, j.Verdict = c, lims.Judge(c)
		require.NoError(t, l.st.Record(l.ctx, l.message("run of "+p.Code), "quantstudio", []store.Judged{j}))
	}
	silent()
	require.Equal(t, "received", l.pool(pools[0]), "once more")
	require.Equal(t, "loaded", l.states(codes...))
	silent()
	require.Equal(t, "read INVALID", l.pool(pools[0]))
	require.Equal(t, "received", l.states(codes...))
	l.read(l.running(codes), nil)
	require.Zero(t, get[int](l, `SELECT count(*) FROM pool_discordances`), "it said nothing that could disagree")
	l.signed(codes...)
	require.Equal(t, "closed INVALID", l.pool(pools[0]))
}

func TestPoolOnAFailedPlate(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(3, lims.Screening)
	b, pools := l.pools(l.plan(pooling.OptDorfman, 3, codes))
	l.mixed(pools...)
	l.read(l.running(pools), cqs{"PC": {0, 0}})
	require.Equal(t, "received", l.pool(pools[0]), "its plate was void: it wants another")
	require.Equal(t, "loaded", l.states(codes...))
	p := l.running(pools)
	require.NoError(t, l.st.VoidPlate(l.ctx, l.tech, p.ID, "dropped"))
	require.Equal(t, "received", l.pool(pools[0]))
	refused(t, l.st.DropPools(l.ctx, l.tech, b.ID, ""), lims.Invalid, "reason.needed")
	refused(t, l.st.DropPools(l.ctx, l.east, b.ID, "spilt"), lims.NotFound, "not_found")
	require.NoError(t, l.st.DropPools(l.ctx, l.tech, b.ID, "spilt"))
	require.Equal(t, "dropped", l.pool(pools[0]))
	require.Equal(t, "received", l.states(codes...))
	_, again := l.pools(l.plan(pooling.OptDorfman, 3, codes))
	require.Len(t, again, 1, "tubes of a plan that was given up may be pooled")
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.singles(12, lims.Screening)
	plan := func(n store.NewPools) error { _, err := l.st.PlanPools(l.ctx, l.tech, n); return err }
	good := func() store.NewPools { return l.plan(pooling.OptDorfman, 3, slices.Clone(codes[:6])) }
	refused(t, plan(good()), lims.Denied, "pool.unvalidated")
	l.pooling(4)
	five := good()
	five.N = 5
	require.Equal(t, 4, refused(t, plan(five), lims.Denied, "pool.unvalidated")["max"])
	for _, c := range []struct {
		code  string
		kind  lims.Kind
		spoil func(*store.NewPools)
	}{
		{"pool.count", lims.Invalid, func(n *store.NewPools) { n.Codes = codes[:1] }},
		{"pool.size", lims.Invalid, func(n *store.NewPools) { n.N = 1 }},
		{"pool.size", lims.Invalid, func(n *store.NewPools) { n.N = 51 }},
		{"pool.bad_risk", lims.Invalid, func(n *store.NewPools) { n.Risk = 1 }},
		{"pool.scheme", lims.Invalid, func(n *store.NewPools) { n.Scheme = "halving" }},
		{"pool.array", lims.Invalid, func(n *store.NewPools) { n.Scheme, n.Rows, n.Cols = pooling.OptArray, 2, 2 }},
		{"pool.positivity", lims.Denied, func(n *store.NewPools) { n.Risk = 0.02 }},
		{"kit.unknown", lims.NotFound, func(n *store.NewPools) { n.Kit = "none@1" }},
		{"sample.twice", lims.Invalid, func(n *store.NewPools) { n.Codes[1] = n.Codes[0] }},
		{"sample.not_waiting", lims.Conflict, func(n *store.NewPools) { n.Codes[1] = "SN-none" }},
		{"role.needed", lims.Denied, func(n *store.NewPools) { n.Reason = "because" }},
		{"not_found", lims.NotFound, func(n *store.NewPools) { n.Lab = l.two }},
	} {
		n := good()
		c.spoil(&n)
		refused(t, plan(n), c.kind, c.code)
	}
	pool := l.received(1, lims.Mixed5)
	n := good()
	n.Codes[2] = pool[0]
	require.Equal(t, pool, refused(t, plan(n), lims.Invalid, "pool.of_pools")["barcodes"])
	never := l.singles(1, lims.CloseContact)
	n = good()
	n.Codes[2] = never[0]
	require.Equal(t, never, refused(t, plan(n), lims.Denied, "pool.never")["barcodes"])
	require.NoError(t, l.st.MeasureTube(l.ctx, l.tech, codes[3], 399))
	require.Equal(t, codes[3:4], refused(t, plan(good()), lims.Conflict, "pool.volume")["barcodes"], "an aliquot and a single test: 400")
	require.NoError(t, l.st.MeasureTube(l.ctx, l.tech, codes[3], 400))
	require.NoError(t, plan(good()))
	n = good()
	n.Codes = slices.Clone(codes[5:9])
	require.Equal(t, codes[5:6], refused(t, plan(n), lims.Conflict, "pool.member_taken")["barcodes"])
	// and the database itself refuses what a hand would do
	for _, q := range []string{
		`INSERT INTO pool_samples (pool_id, position, sample_id, axis, batch_id, ul) SELECT p.id, 40, s.id, 'pool', p.batch_id, 1 FROM pools p, samples s WHERE s.mode = 'mixed5' LIMIT 1`,
		`INSERT INTO pool_samples (pool_id, position, sample_id, axis, batch_id, ul) SELECT pool_id, 41, sample_id, axis, batch_id, 1 FROM pool_samples LIMIT 1`,
		`INSERT INTO pool_samples (pool_id, position, sample_id, axis, batch_id, ul) SELECT (SELECT max(id) FROM pools), 42, sample_id, axis, batch_id, 1 FROM pool_samples ORDER BY pool_id LIMIT 1`,
		`UPDATE volumes SET ul = 1`, `DELETE FROM volumes`,
		`UPDATE pools SET state = 'read'`,
	} {
		_, err := l.st.DB().ExecContext(l.ctx, q)
		require.Error(t, err, q)
	}
	over := l.plan(pooling.OptDorfman, 3, codes[6:9])
	over.Risk, over.Reason = 0.02, "outbreak, agreed with the centre"
	_, err := l.st.PlanPools(l.ctx, l.chief, over)
	require.NoError(t, err, "a supervisor may, with a reason")
	require.Equal(t, over.Reason, get[string](l, `SELECT changes->>'reason' FROM audit WHERE verb = 'plan' AND entity = 'pool_batch' ORDER BY id DESC LIMIT 1`))
}

func TestValidations(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	good := store.Validation{Lab: l.one, Kit: l.kit, Kind: pooling.Media, N: 5, Tested: 20, Detected: 17, Source: "V-1"}
	for _, bad := range []func(*store.Validation){
		func(v *store.Validation) { v.Tested, v.Detected = 19, 19 },
		func(v *store.Validation) { v.Detected = 16 },
		func(v *store.Validation) { v.Detected = 21 },
	} {
		v := good
		bad(&v)
		refused(t, l.st.ValidatePool(l.ctx, l.chief, v), lims.Invalid, "pool.validation_poor")
	}
	refused(t, l.st.ValidatePool(l.ctx, l.tech, good), lims.Denied, "role.needed")
	refused(t, l.st.ValidatePool(l.ctx, l.east, good), lims.NotFound, "not_found")
	v := good
	v.Kind = "spit"
	refused(t, l.st.ValidatePool(l.ctx, l.chief, v), lims.Invalid, "pool.kind")
	require.NoError(t, l.st.ValidatePool(l.ctx, l.chief, good))
	codes := l.singles(4, lims.Screening)
	_, _ = l.pools(l.plan(pooling.OptDorfman, 2, codes[:2]))
	rows, err := l.st.Validations(l.ctx, l.one)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.NoError(t, l.st.EndValidation(l.ctx, l.chief, rows[0].ID, "positivity fell"))
	refused(t, l.st.EndValidation(l.ctx, l.chief, rows[0].ID, "again"), lims.NotFound, "not_found")
	_, err = l.st.PlanPools(l.ctx, l.tech, l.plan(pooling.OptDorfman, 2, codes[2:]))
	refused(t, err, lims.Denied, "pool.unvalidated")
}

// Tubes of several swabs need a validated size as well, where the rules of the laboratory ask for it.
func TestSwabSizes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(2, lims.Mixed10)
	rules := store.PoolRules{Lab: l.one, Source: "test", Gate: 0.01, Largest: 10, TubeUL: 3000, AliquotUL: 200, SingleUL: 200, SwabValidated: true}
	require.NoError(t, l.st.AddPoolRules(l.ctx, l.chief, rules))
	lay := func() error {
		_, err := l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: codes})
		return err
	}
	require.Equal(t, codes, refused(t, lay(), lims.Denied, "pool.unvalidated")["barcodes"])
	require.NoError(t, l.st.ValidatePool(l.ctx, l.chief, store.Validation{Lab: l.one, Kit: l.kit, Kind: pooling.Swab, N: 10, Tested: 30, Detected: 29, Source: "V-2"}))
	require.NoError(t, lay())
}

// Too little is left of a tube for a single test: its person is swabbed again.
func TestPoolVolumeIsGone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(3, lims.Screening)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 3, codes))
	require.NoError(t, l.st.MeasureTube(l.ctx, l.tech, codes[0], 150))
	_, err := l.st.MixPool(l.ctx, l.tech, pools[0], codes)
	require.Equal(t, codes[:1], refused(t, err, lims.Conflict, "pool.volume")["barcodes"])
	require.NoError(t, l.st.MeasureTube(l.ctx, l.tech, codes[0], 300))
	l.mixed(pools...)
	l.read(l.running(pools), cqs{pools[0]: {33, 0}})
	require.Equal(t, "read SINGLE", l.pool(pools[0]))
	require.Equal(t, "read", l.states(codes[0]))
	require.Equal(t, "received", l.states(codes[1:]...))
	require.Equal(t, lims.PendingReview, get[string](l, `SELECT call FROM results`))
	recall, err := l.st.RecallList(l.ctx, store.Scope{Department: l.dep}, 10)
	require.NoError(t, err)
	require.Len(t, recall, 1)
	require.False(t, recall[0].Signed, "the department hears of it at once")
}

// Who was in a tube that was not negative is swabbed again alone; who may not share a tube may with a supervisor's word.
func TestRecallAndGrants(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(1, lims.Mixed5)
	l.read(l.running(codes), cqs{codes[0]: {30, 29}})
	recall, err := l.st.RecallList(l.ctx, store.Scope{Department: l.dep}, 10)
	require.NoError(t, err)
	require.Len(t, recall, 5)
	require.False(t, recall[0].Signed)
	other, err := l.st.RecallList(l.ctx, store.Scope{Department: l.dep2}, 10)
	require.NoError(t, err)
	require.Empty(t, other)
	l.signed(codes...)
	recall, err = l.st.RecallList(l.ctx, store.Scope{Department: l.dep}, 10)
	require.NoError(t, err)
	require.Len(t, recall, 5, "complete, each person once")
	require.True(t, recall[0].Signed)
	require.NotEmpty(t, all[string](l, `SELECT id FROM deliveries WHERE positive`), "and the department is told")
	var clients []string
	for _, r := range recall {
		clients = append(clients, r.ClientID)
	}
	again := store.Tube{Barcode: "SN-AGAIN", Mode: lims.Mixed5, Department: l.dep, ClientIDs: clients}
	require.Equal(t, clients, refused(t, l.st.Collect(l.ctx, l.desk, []store.Tube{again}), lims.Denied, "order.not_poolable")["orders"])
	again.Mode, again.ClientIDs = lims.Single, clients[:1]
	require.NoError(t, l.st.Collect(l.ctx, l.desk, []store.Tube{again}))

	key := l.orders(l.dep, 2, lims.KeyPerson)
	pair := store.Tube{Barcode: "SN-PAIR", Mode: lims.Mixed5, Department: l.dep, ClientIDs: key}
	refused(t, l.st.AllowPooling(l.ctx, l.tech, l.dep, key, "one family"), lims.Denied, "role.needed")
	refused(t, l.st.AllowPooling(l.ctx, l.chief, l.dep, key, ""), lims.Invalid, "reason.needed")
	refused(t, l.st.AllowPooling(l.ctx, l.chief, l.dep2, key, "one family"), lims.NotFound, "order.unknown")
	refused(t, l.st.Collect(l.ctx, l.desk, []store.Tube{pair}), lims.Denied, "order.not_poolable")
	require.NoError(t, l.st.AllowPooling(l.ctx, l.chief, l.dep, key, "one family"))
	require.NoError(t, l.st.Collect(l.ctx, l.desk, []store.Tube{pair}))
	require.Equal(t, 2, get[int](l, `SELECT count(*) FROM audit WHERE verb = 'override_policy'`))
	require.Equal(t, 2, get[int](l, `SELECT count(*) FROM audit WHERE verb = 'allow_pooling' AND changes->>'reason' = 'one family'`))
}

func TestPoolWatch(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	require.NoError(t, l.st.AddPoolRules(l.ctx, l.chief, store.PoolRules{Lab: l.one, Source: "test", Gate: 0.05, Largest: 10, TubeUL: 3000, AliquotUL: 200, SingleUL: 200, Least: 4}))
	require.NoError(t, l.st.ValidatePool(l.ctx, l.chief, store.Validation{Lab: l.one, Kit: l.kit, Kind: pooling.Media, N: 5, Tested: 20, Detected: 20, Source: "V"}))
	w, err := l.st.WatchPools(l.ctx, l.one)
	require.NoError(t, err)
	require.Equal(t, pooling.Continue, w.Verdict)
	codes := l.singles(8, lims.Voluntary)
	l.read(l.running(codes), cqs{codes[0]: {30, 29}})
	w, err = l.st.WatchPools(l.ctx, l.one)
	require.NoError(t, err)
	require.Equal(t, 8, w.Rolling.Singles)
	require.InDelta(t, 0.125, w.Rolling.Single, 1e-9)
	require.Equal(t, pooling.Continue, w.Verdict)
	require.Equal(t, 8, w.Persons)
	require.Equal(t, 14, w.Reactions, "eight tubes and six controls")
	more := l.singles(6, lims.Screening)
	n := l.plan(pooling.OptDorfman, 3, more)
	_, err = l.st.PlanPools(l.ctx, l.tech, n)
	require.Equal(t, "12.5 %", refused(t, err, lims.Denied, "pool.positivity")["got"])
	sick := l.singles(4, lims.Voluntary)
	found := cqs{}
	for _, c := range sick {
		found[c] = [2]float64{30, 29}
	}
	l.read(l.running(sick), found)
	w, err = l.st.WatchPools(l.ctx, l.one)
	require.NoError(t, err)
	require.Equal(t, pooling.Stop, w.Verdict)
	n.Reason = "all the same"
	_, err = l.st.PlanPools(l.ctx, l.chief, n)
	refused(t, err, lims.Denied, "pool.stopped")
	l.clock.step(8 * 24 * time.Hour)
	w, err = l.st.WatchPools(l.ctx, l.one)
	require.NoError(t, err)
	require.Zero(t, w.Rolling.Singles, "the window has moved on")
	require.Len(t, w.Days, 7)
}

// One pool is given up: its tubes go by what is left.
func TestDropOnePool(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(9, lims.Screening)
	l.exec(`UPDATE samples SET due_at = due_at + interval '1 day'`)
	_, pools := l.pools(l.plan(pooling.OptThree, 9, codes))
	l.mixed(pools...)
	l.read(l.running(pools), cqs{pools[0]: {33, 32.5}})
	refused(t, l.st.DropPool(l.ctx, l.tech, pools[0], "late"), lims.Conflict, "state.moved")
	parts := all[string](l, `SELECT code FROM pools WHERE axis = 'part' ORDER BY id`)
	refused(t, l.st.DropPool(l.ctx, l.tech, parts[0], " "), lims.Invalid, "reason.needed")
	refused(t, l.st.DropPool(l.ctx, l.east, parts[0], "late"), lims.NotFound, "not_found")
	require.NoError(t, l.st.DropPool(l.ctx, l.tech, parts[0], "late"))
	require.Equal(t, "received", l.states(l.inPool(parts[0])...))
	require.Equal(t, 3, get[int](l, `SELECT count(*) FROM samples WHERE retest_of = (SELECT id FROM pools WHERE code = $1)`, pools[0]), "singly, for the pool that was not negative")
	require.Equal(t, "loaded", l.states(l.inPool(parts[1])...))

	grid := l.singles(4, lims.Screening)
	n := l.plan(pooling.OptArray, 0, grid)
	n.Rows, n.Cols = 2, 2
	_, cross := l.pools(n)
	l.mixed(cross[:3]...)
	l.read(l.running(cross[:3]), cqs{cross[0]: {30, 29}})
	require.Equal(t, "read", l.states(grid[2]), "both of its pools were negative")
	require.Equal(t, "loaded", l.states(grid[0], grid[1], grid[3]), "the second column may explain the row")
	require.NoError(t, l.st.DropPool(l.ctx, l.tech, cross[3], "spilt"))
	require.Equal(t, "received", l.states(grid[0], grid[1]), "their row was not negative and no column explains it")
	require.Equal(t, "read", l.states(grid[3]), "its row was negative")

	plain := l.singles(2, lims.Screening)
	_, one := l.pools(l.plan(pooling.OptDorfman, 2, plain))
	require.NoError(t, l.st.DropPool(l.ctx, l.tech, one[0], "broken rack"))
	require.Equal(t, "received", l.states(plain...))
	require.Zero(t, get[int](l, `SELECT count(*) FROM samples WHERE retest_of IS NOT NULL AND barcode = ANY($1)`, pq.Array(plain)))
}

// Two benches cannot put one tube into two plans, nor mix it twice.
func TestPoolsAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(3, lims.Screening)
	plan := func() error {
		_, err := l.st.PlanPools(l.ctx, l.tech, l.plan(pooling.OptDorfman, 3, slices.Clone(codes)))
		return err
	}
	errs := together(plan, plan, plan)
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM pools`), "%v", errs)
	pool := get[string](l, `SELECT code FROM pools`)
	mix := func() error { _, err := l.st.MixPool(l.ctx, l.tech, pool, codes[:1]); return err }
	errs = together(mix, mix)
	require.True(t, (errs[0] == nil) != (errs[1] == nil), "%v", errs)
	refused(t, first(errs), lims.Conflict, "pool.mixed_already")
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM volumes WHERE why = 'pool'`))
}

// What is odd about a pool's well holds back everybody whom the pool clears.
func TestPoolWithAFlag(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	codes := l.singles(2, lims.Screening)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 2, codes))
	l.mixed(pools...)
	strong := l.singles(8, lims.Voluntary)
	found := cqs{}
	for _, c := range strong {
		found[c] = [2]float64{13, 12.5}
	}
	p := l.running(append(slices.Clone(strong[:4]), append(slices.Clone(pools), strong[4:]...)...))
	j := l.judged(p, found)
	i := slices.IndexFunc(j.Verdict.Wells, func(w lims.WellCall) bool { return w.Code == pools[0] })
	if len(j.Verdict.Wells[i].Flags) == 0 {
		j.Verdict.Wells[i].Flags = []lims.Flag{{Code: "near_strong", Pos: j.Verdict.Wells[i].Pos}}
	}
	require.NoError(t, l.st.Record(l.ctx, l.message("run of "+p.Code), "quantstudio", []store.Judged{j}))
	require.Len(t, l.called(lims.Held, codes...), 2)
	require.Equal(t, "flag."+j.Verdict.Wells[i].Flags[0].Code, get[string](l, `SELECT DISTINCT reason FROM results WHERE pool_id IS NOT NULL`))
}
