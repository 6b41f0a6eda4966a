package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

func TestDispatchRefuses(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.tubes(l.dep, lims.Single, l.orders(l.dep, 3, lims.KeyPerson))
	other := l.tubes(l.dep2, lims.Single, l.orders(l.dep2, 1, lims.KeyPerson))
	sent := l.box(l.dep, l.one, codes[:1])
	send := func(by lims.Actor, b store.Box) error {
		_, err := l.st.Dispatch(l.ctx, by, b)
		return err
	}
	refused(t, send(l.desk, store.Box{Code: " ", Department: l.dep, Lab: l.one, Barcodes: codes}), lims.Invalid, "box.empty")
	refused(t, send(l.desk, store.Box{Code: "B", Department: l.dep, Lab: l.one}), lims.Invalid, "box.empty")
	refused(t, send(l.desk, store.Box{Code: sent, Department: l.dep, Lab: l.one, Barcodes: codes[1:]}), lims.Conflict, "box.taken")
	refused(t, send(l.desk, store.Box{Code: "B", Department: l.dep, Lab: 987654, Barcodes: codes[1:]}), lims.NotFound, "not_found")
	refused(t, send(l.desk2, store.Box{Code: "B", Department: l.dep, Lab: l.one, Barcodes: codes[1:]}), lims.NotFound, "not_found")
	args := refused(t, send(l.desk, store.Box{Code: "B", Department: l.dep, Lab: l.one, Barcodes: append([]string{codes[0], "ZZ", other[0]}, codes[1:]...)}), lims.Conflict, "box.wrong_tubes")
	require.Equal(t, []string{codes[0], "ZZ", other[0]}, args["barcodes"], "sent already, unknown, another department's")
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM shipments`), "all or nothing")
	require.NoError(t, send(l.desk, store.Box{Code: "B", Department: l.dep, Lab: l.one, Barcodes: codes[1:]}))
}

// scan gives the outcomes of a scan, joined.
func (l *lab) scan(by lims.Actor, box string, codes ...string) string {
	l.t.Helper()
	out, err := l.st.Scan(l.ctx, by, box, codes)
	require.NoError(l.t, err)
	words := make([]string, len(out))
	for i, s := range out {
		require.Equal(l.t, strings.TrimSpace(codes[i]), s.Barcode)
		words[i] = s.Outcome
	}
	return strings.Join(words, " ")
}

func TestScanTellsEveryTube(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.tubes(l.dep, lims.Single, l.orders(l.dep, 8, lims.KeyPerson))
	late := l.orders(l.dep, 1, lims.KeyPerson)
	require.NoError(t, l.st.Collect(l.ctx, l.tech, []store.Tube{{Barcode: "SNF", Mode: lims.Single, Department: l.dep, ClientIDs: late, ClosedAt: l.clock.now().Add(time.Minute)}}))
	mine := l.box(l.dep, l.one, append(codes[:4:4], "SNF"))
	elsewhere := l.box(l.dep, l.two, codes[4:6])
	require.Equal(t, "received unknown extra future twice", l.scan(l.tech, mine, " "+codes[0], "ZZ1", codes[4], "SNF", codes[0]), "extra: it is on another box's list, and here")
	require.Equal(t, "twice unknown received extra", l.scan(l.tech, mine, codes[0], "ZZ1", codes[1], codes[7]), "extra: it is in no box")
	require.NoError(t, l.st.RejectSample(l.ctx, l.tech, codes[2], "leaking"))
	require.Equal(t, "rejected", l.scan(l.tech, mine, codes[2]))
	gone, err := l.st.CloseBox(l.ctx, l.tech, mine)
	require.NoError(t, err)
	require.Equal(t, []string{codes[3], "SNF"}, gone)
	_, err = l.st.Scan(l.ctx, l.tech, mine, codes[3:4])
	refused(t, err, lims.Conflict, "box.closed")
	_, err = l.st.CloseBox(l.ctx, l.tech, mine)
	refused(t, err, lims.Conflict, "box.closed")
	require.Equal(t, "extra received", l.scan(l.east, elsewhere, codes[3], codes[5]), "the missing tube came to the other laboratory")
	require.Equal(t, l.two, get[int64](l, `SELECT lab_id FROM samples WHERE barcode = $1`, codes[3]))

	require.Equal(t, []string{"extra", "extra", "extra", "missing", "missing", "rejected", "unknown"},
		all[string](l, `SELECT kind FROM exceptions ORDER BY kind`), "each once, however often it was scanned")
	id := get[int64](l, `SELECT id FROM exceptions WHERE kind = 'unknown'`)
	refused(t, l.st.CloseException(l.ctx, l.tech, id, " "), lims.Invalid, "reason.needed")
	refused(t, l.st.CloseException(l.ctx, l.east, id, "asked"), lims.NotFound, "not_found")
	require.NoError(t, l.st.CloseException(l.ctx, l.tech, id, "asked by telephone"))
	refused(t, l.st.CloseException(l.ctx, l.tech, id, "again"), lims.Conflict, "exception.closed")
}

func TestScanByWhom(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	box := l.box(l.dep, l.one, l.tubes(l.dep, lims.Single, l.orders(l.dep, 1, lims.KeyPerson)))
	_, err := l.st.Scan(l.ctx, l.desk, box, []string{"x"})
	refused(t, err, lims.Denied, "role.needed")
	_, err = l.st.Scan(l.ctx, l.east, box, []string{"x"})
	refused(t, err, lims.NotFound, "not_found")
	_, err = l.st.Scan(l.ctx, l.tech, "BX-none", []string{"x"})
	refused(t, err, lims.NotFound, "box.unknown")
	_, err = l.st.Scan(l.ctx, l.tech, box, nil)
	refused(t, err, lims.Invalid, "scan.count")
	_, err = l.st.CloseBox(l.ctx, l.east, box)
	refused(t, err, lims.NotFound, "not_found")
	require.Zero(t, get[int](l, `SELECT count(*) FROM exceptions`))
	require.Zero(t, get[int](l, `SELECT count(*) FROM shipments WHERE opened_at IS NOT NULL`), "who was refused has opened nothing")
}

// Receipt starts clock B: the deadline is the order's own limit after the scan.
func TestScanStartsTheClock(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.tubes(l.dep, lims.Mixed10, l.orders(l.dep, 7, lims.Screening))
	box := l.box(l.dep, l.one, codes)
	l.clock.step(time.Hour)
	require.Equal(t, "received", l.scan(l.tech, box, codes[0]))
	at := l.clock.now()
	require.Equal(t, 7, get[int](l, `SELECT count(*) FROM orders WHERE received_at = $1 AND due_at = $2`, at, at.Add(6*time.Hour)))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM samples WHERE received_at = $1 AND due_at = $2`, at, at.Add(6*time.Hour)))
	l.clock.step(time.Hour)
	require.Equal(t, "twice", l.scan(l.tech, box, codes[0]))
	require.Equal(t, 7, get[int](l, `SELECT count(*) FROM orders WHERE received_at = $1`, at), "scanned again, the clock goes on")
}

// Several people unpack one box: every tube is received once.
func TestScanAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.tubes(l.dep, lims.Single, l.orders(l.dep, 40, lims.KeyPerson))
	box := l.box(l.dep, l.one, codes[:20])
	box2 := l.box(l.dep, l.one, codes[20:])
	counts := make([]map[string]int, 4)
	var work []func() error
	for i := range counts {
		into := box
		if i%2 == 1 {
			into = box2
		}
		counts[i] = map[string]int{}
		work = append(work, func() error {
			out, err := l.st.Scan(l.ctx, l.tech, into, append([]string(nil), codes...)) // every tube lies on the table
			for _, s := range out {
				counts[i][s.Outcome]++
			}
			return err
		})
	}
	for _, err := range together(work...) {
		require.NoError(t, err)
	}
	sum := map[string]int{}
	for _, c := range counts {
		for k, n := range c {
			sum[k] += n
		}
	}
	require.Equal(t, 40, sum["received"]+sum["extra"])
	require.Equal(t, 120, sum["twice"])
	require.Equal(t, "received", l.states(codes...))
	require.Equal(t, 40, get[int](l, `SELECT count(*) FROM audit WHERE verb = 'receive'`))
}

func TestRejectIsNeverSilent(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.tubes(l.dep, lims.Mixed5, l.orders(l.dep, 5, lims.Screening))
	refused(t, l.st.RejectSample(l.ctx, l.tech, codes[0], "leaking"), lims.NotFound, "sample.unknown") // not on its way to anybody
	box := l.box(l.dep, l.one, codes)
	l.clock.step(time.Hour)
	refused(t, l.st.RejectSample(l.ctx, l.tech, codes[0], "ugly"), lims.Invalid, "sample.reject_reason")
	refused(t, l.st.RejectSample(l.ctx, l.desk, codes[0], "leaking"), lims.Denied, "role.needed")
	refused(t, l.st.RejectSample(l.ctx, l.east, codes[0], "leaking"), lims.NotFound, "not_found")
	refused(t, l.st.RejectSample(l.ctx, l.tech, "ZZ", "leaking"), lims.NotFound, "sample.unknown")
	require.NoError(t, l.st.RejectSample(l.ctx, l.tech, codes[0], "leaking"))
	t3 := l.clock.now()
	refused(t, l.st.RejectSample(l.ctx, l.tech, codes[0], "leaking"), lims.Conflict, "state.moved")
	require.Equal(t, "rejected", l.scan(l.tech, box, codes[0]))
	require.Equal(t, 5, get[int](l, `SELECT count(*) FROM orders WHERE received_at = $1 AND due_at IS NOT NULL`, t3), "refused at receipt is received: the clock of the people has begun")

	ids := l.called(lims.Called, codes[0])
	require.Len(t, ids, 5)
	require.Equal(t, []string{"rejected"}, all[string](l, `SELECT DISTINCT call FROM results`))
	refused(t, l.st.Withdraw(l.ctx, l.chief, ids[:1], "it looked worse than it was"), lims.Conflict, "withdraw.rejected")
	l.signed(codes[0])
	require.Equal(t, "waiting", l.orderStates(codes[0]))
	require.Equal(t, 5, get[int](l, `SELECT results FROM deliveries`), "the department is told")
	recalls, err := l.st.RecallList(l.ctx, store.Scope{Department: l.dep}, 100)
	require.NoError(t, err)
	require.Len(t, recalls, 5)
	require.Equal(t, "rejected", recalls[0].Call)

	var orders []int64
	for _, r := range recalls {
		orders = append(orders, r.Order)
	}
	t0 := get[time.Time](l, `SELECT DISTINCT collected_at FROM orders`)
	l.clock.step(time.Hour)
	require.NoError(t, l.st.Collect(l.ctx, l.desk, []store.Tube{{Barcode: "SR1", Mode: lims.Mixed5, Department: l.dep, Orders: orders}}))
	require.Equal(t, "open", l.orderStates("SR1"))
	second := l.box(l.dep, l.one, []string{"SR1"})
	require.Equal(t, "received", l.scan(l.tech, second, "SR1"))
	require.Equal(t, 5, get[int](l, `SELECT count(*) FROM orders WHERE received_at = $1 AND collected_at = $2 AND due_at = $3`, t3, t0, t3.Add(6*time.Hour)), "the person's clock goes on")
	require.Equal(t, t3.Add(6*time.Hour), get[time.Time](l, `SELECT due_at FROM samples WHERE barcode = 'SR1'`).UTC(), "and the new tube is in a hurry")
	l.read(l.running([]string{"SR1"}), nil)
	l.signed("SR1")
	require.Equal(t, "final", l.orderStates("SR1"))
	require.Equal(t, []string{"released", "superseded"}, all[string](l, `SELECT DISTINCT state FROM results ORDER BY 1`))
}
