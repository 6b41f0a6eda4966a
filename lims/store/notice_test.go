package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/reports"
)

// notices are the notices that wait or are on their way, as "kind tube reason".
func (l *lab) notices() []string {
	l.t.Helper()
	return all[string](l, `SELECT n.kind || ' ' || s.barcode || ' ' || n.reason FROM deliveries v JOIN notices n ON n.id = v.notice_id JOIN samples s ON s.id = n.sample_id ORDER BY v.seq`)
}

// take claims what is due and says it was delivered.
func (l *lab) take() (out []store.Delivery) {
	l.t.Helper()
	out, err := l.st.ClaimDeliveries(l.ctx, store.Claim{Most: 50, Each: 50, Lease: time.Minute})
	require.NoError(l.t, err)
	for _, d := range out {
		require.NoError(l.t, l.st.Delivered(l.ctx, d.ID, "", false))
	}
	return out
}

// The department hears of a tube of several that is not negative in the moment in which it was read, before anybody has signed.
func TestRecallIsTold(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(2, lims.Mixed10)
	l.read(l.running(codes), cqs{codes[0]: {28.4, 27.9}})
	require.Equal(t, []string{"recall " + codes[0] + " not_negative"}, l.notices(), "one notice a tube; a negative tube has none")
	out := l.take()
	require.Len(t, out, 1)
	d := out[0]
	require.NotZero(t, d.Notice)
	require.Equal(t, 10, d.Results)
	require.False(t, d.Positive)
	require.Zero(t, get[int](l, `SELECT count(*) FROM results WHERE checked_at IS NOT NULL`), "nobody has signed")

	n, err := l.st.NoticeOf(l.ctx, d)
	require.NoError(t, err)
	require.Equal(t, reports.Recall, n.Kind)
	require.Equal(t, l.clock.now().Add(2*time.Hour), n.CollectBy.UTC(), "the clock of the second collection")
	require.Len(t, n.Persons, 10)
	require.False(t, n.Persons[0].Due.IsZero(), "the person's own clock goes on")
	for _, format := range []string{"json", "pdf"} {
		b, _, _, err := n.Render(format)
		require.NoError(t, err)
		require.Contains(t, string(b), codes[0])
		require.Contains(t, string(b), n.Persons[9].OrderID)
		require.Contains(t, string(b), "待复核")
		require.NotContains(t, strings.ToLower(string(b)), "positive", "no word of a call")
		require.NotContains(t, string(b), "阳性")
		require.NotContains(t, string(b), "E1234", "masked")
	}
	d.OptionsJSON = []byte(`{"names":"full"}`)
	full, err := l.st.NoticeOf(l.ctx, d)
	require.NoError(t, err)
	require.NotEqual(t, n.Persons[0].Subject, full.Persons[0].Subject, "as the destination may read results")

	row, err := l.st.DeliveryByID(l.ctx, store.Scope{Department: l.dep}, d.ID)
	require.NoError(t, err)
	require.Equal(t, "recall", row.Kind)
	people, err := l.st.DeliveryNotice(l.ctx, store.Scope{Department: l.dep}, row)
	require.NoError(t, err)
	require.Len(t, people, 10)
	foreign, err := l.st.DeliveryNotice(l.ctx, store.Scope{Department: l.dep2}, row)
	require.NoError(t, err)
	require.Empty(t, foreign)
	refused(t, l.st.Acknowledge(l.ctx, l.desk2, d.ID), lims.NotFound, "delivery.unknown")
	require.NoError(t, l.st.Acknowledge(l.ctx, l.desk, d.ID))
	recall, err := l.st.RecallList(l.ctx, store.Scope{Department: l.dep}, 50)
	require.NoError(t, err)
	require.Len(t, recall, 10)
	require.True(t, recall[0].Heard)
	require.Equal(t, n.CollectBy.UTC(), recall[0].CollectBy.UTC())

	// the ordinary way goes on: two signatures, results
	l.signed(codes...)
	require.Equal(t, "signed", get[string](l, `SELECT ended_by FROM notices`))
	out = l.take()
	require.Len(t, out, 1)
	require.Zero(t, out[0].Notice)
	require.True(t, out[0].Positive)
	require.Len(t, l.notices(), 1, "and is not told twice")
}

// What a reviewer takes back is taken back at the department too; the tube that is then negative stays quiet.
func TestRecallIsWithdrawn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(1, lims.Mixed5)
	l.read(l.running(codes), cqs{codes[0]: {28.4, 27.9}})
	ids := l.called(lims.Called, codes...)
	require.NoError(t, l.st.Withdraw(l.ctx, l.chief, ids, "wells were exchanged"))
	require.Equal(t, []string{"recall " + codes[0] + " not_negative", "withdrawal " + codes[0] + " annulled"}, l.notices())
	recall, err := l.st.RecallList(l.ctx, store.Scope{}, 50)
	require.NoError(t, err)
	require.Empty(t, recall)
	out := l.take()
	require.Len(t, out, 2)
	n, err := l.st.NoticeOf(l.ctx, out[1])
	require.NoError(t, err)
	require.Equal(t, out[0].Notice, n.Withdraws)
	require.Len(t, n.Persons, 5)
	b, _, _, err := n.Render("json")
	require.NoError(t, err)
	require.Contains(t, string(b), `"status":"withdrawn"`)
	require.NotContains(t, strings.ToLower(string(b)), "positive")

	l.read(l.running(codes), cqs{codes[0]: {30, 29}})
	require.Len(t, l.notices(), 3, "the same tube is recalled once more")
	require.NoError(t, l.st.Withdraw(l.ctx, l.chief, l.called(lims.Called, codes...), "once more"))
	l.read(l.running(codes), nil)
	require.Len(t, l.notices(), 4, "negative: nothing to take back any more")
	l.signed(codes...)
	require.Equal(t, "final", l.orderStates(codes...))
}

// A tube that the kit wants again is recalled meanwhile; where it is then negative, the recall ends.
func TestRecallOfATubeThatIsTestedAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(1, lims.Mixed10)
	l.read(l.running(codes), cqs{codes[0]: {28.4, 0}}) // a single target: the kit wants it extracted again
	require.Equal(t, "received", l.states(codes...))
	require.Empty(t, l.called(lims.Called, codes...))
	require.Equal(t, []string{"recall " + codes[0] + " not_negative"}, l.notices())
	recall, err := l.st.RecallList(l.ctx, store.Scope{Department: l.dep}, 50)
	require.NoError(t, err)
	require.Len(t, recall, 10)
	l.read(l.running(codes), nil)
	require.Equal(t, []string{"recall " + codes[0] + " not_negative", "withdrawal " + codes[0] + " retested"}, l.notices())
	l.signed(codes...)
	require.Equal(t, "final", l.orderStates(codes...))
	require.Empty(t, all[string](l, `SELECT call FROM results WHERE call <> 'negative'`))
}

// Whoever is recalled is swabbed again at once, alone and first; the second tube does not wait for signatures on the first.
func TestSecondTubeBeforeTheSignatures(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(1, lims.Mixed5)
	l.read(l.running(codes), cqs{codes[0]: {28.4, 27.9}})
	recall, err := l.st.RecallList(l.ctx, store.Scope{Department: l.dep}, 50)
	require.NoError(t, err)
	require.Len(t, recall, 5)
	wide := store.Tube{Barcode: "R-WIDE", Mode: lims.Mixed5, Department: l.dep, Orders: []int64{recall[0].Order, recall[1].Order}}
	refused(t, l.st.Collect(l.ctx, l.desk, []store.Tube{wide}), lims.Denied, "order.not_poolable")
	var again []store.Tube
	var singles []string
	for i, r := range recall[:4] {
		singles = append(singles, "R-"+string(rune('0'+i)))
		again = append(again, store.Tube{Barcode: singles[i], Mode: lims.Single, Department: l.dep, Orders: []int64{r.Order}})
	}
	require.NoError(t, l.st.Collect(l.ctx, l.desk, again))
	refused(t, l.st.Collect(l.ctx, l.desk, []store.Tube{{Barcode: "R-X", Mode: lims.Single, Department: l.dep, Orders: []int64{recall[0].Order}}}), lims.Conflict, "order.collected")
	require.Equal(t, 1, get[int](l, `SELECT DISTINCT priority FROM samples WHERE mode = 'single'`))
	left, err := l.st.RecallList(l.ctx, store.Scope{Department: l.dep}, 50)
	require.NoError(t, err)
	require.Len(t, left, 1)

	box := l.box(l.dep, l.one, singles)
	_, err = l.st.Scan(l.ctx, l.tech, box, singles)
	require.NoError(t, err)
	// three are read before the first tube is signed
	l.read(l.running(singles[:3]), cqs{singles[1]: {27, 26.5}})
	require.Equal(t, 3, get[int](l, `SELECT count(*) FROM results WHERE state = 'withdrawn' AND reason = 'recall.collected'`))
	require.Len(t, l.called(lims.Called, codes...), 2)
	l.signed(codes...)
	require.Equal(t, "open", get[string](l, `SELECT state FROM orders WHERE id = $1`, recall[3].Order), "it has its second tube already")
	require.Equal(t, "waiting", get[string](l, `SELECT state FROM orders WHERE id = $1`, recall[4].Order))
	require.Equal(t, "closed", l.states(codes...))
	l.read(l.running(singles[3:]), nil)
	l.signed(singles...)
	require.Equal(t, "final", l.orderStates(singles...))
	require.Equal(t, "positive", get[string](l, `SELECT call FROM results WHERE order_id = $1 AND state = 'released'`, recall[1].Order))
}

// A notice that nobody confirms becomes an alert, then another; so does one that nobody can be sent, or that is refused.
func TestNoticeThatIsNotHeard(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	alerts := func() []string {
		require.NoError(t, l.st.RemindNotices(l.ctx))
		return all[string](l, `SELECT args->>'case' FROM alerts WHERE kind = 'delivery' ORDER BY id`)
	}
	codes := l.received(2, lims.Mixed5)
	l.read(l.running(codes), cqs{codes[0]: {28, 27}, codes[1]: {28, 27}})
	out := l.take()
	require.Len(t, out, 2)
	require.NoError(t, l.st.Acknowledge(l.ctx, l.desk, out[0].ID))
	l.clock.step(9 * time.Minute)
	require.Empty(t, alerts())
	l.clock.step(2 * time.Minute)
	require.Equal(t, []string{"recall_unheard"}, alerts())
	l.clock.step(20 * time.Minute)
	require.Equal(t, []string{"recall_unheard", "recall_unheard_again"}, alerts())
	require.NoError(t, l.st.Acknowledge(l.ctx, l.desk, out[1].ID))
	l.clock.step(time.Hour)
	require.Len(t, alerts(), 2)
	tally, err := l.st.DeliveryTally(l.ctx, store.Scope{})
	require.NoError(t, err)
	require.Zero(t, tally.Notices)

	l.exec(`UPDATE destinations SET active = false`)
	more := l.received(1, lims.Mixed5)
	l.read(l.running(more), cqs{more[0]: {28, 27}})
	require.Equal(t, "recall_no_destination", alerts()[2], "somebody has to call")
	l.exec(`UPDATE destinations SET active = true`)
	third := l.received(1, lims.Mixed5)
	l.read(l.running(third), cqs{third[0]: {28, 27}})
	claimed, err := l.st.ClaimDeliveries(l.ctx, store.Claim{Most: 5, Each: 5, Lease: time.Minute})
	require.NoError(t, err)
	require.Len(t, claimed, 1)
	require.NoError(t, l.st.RefuseDelivery(l.ctx, claimed[0].ID, "answer 422"))
	require.Equal(t, "recall_refused", alerts()[3])
}

// A notice goes before results that wait.
func TestNoticeGoesFirst(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	clean := l.received(1, lims.Single)
	l.read(l.running(clean), nil)
	l.signed(clean...)
	codes := l.received(1, lims.Mixed5)
	l.read(l.running(codes), cqs{codes[0]: {28, 27}})
	out, err := l.st.ClaimDeliveries(l.ctx, store.Claim{Most: 1, Each: 1, Lease: time.Minute})
	require.NoError(t, err)
	require.Len(t, out, 1)
	require.NotZero(t, out[0].Notice)
}
