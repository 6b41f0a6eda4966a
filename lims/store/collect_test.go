package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

func TestCollectRefuses(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	free := l.orders(l.dep, 21, lims.Screening)
	key := l.orders(l.dep, 2, lims.KeyPerson)
	used := l.orders(l.dep, 1, lims.KeyPerson)
	taken := l.tubes(l.dep, lims.Single, used)[0]
	foreign := l.orders(l.dep2, 1, lims.KeyPerson)
	now := l.clock.now()
	good := store.Tube{Barcode: "SN1", Mode: lims.Single, Department: l.dep, ClientIDs: key[:1]}
	tests := []struct {
		name  string
		kind  lims.Kind
		code  string
		names string // what the refusal must name
		tubes []store.Tube
	}{
		{"none", lims.Invalid, "tubes.count", "", nil},
		{"no barcode", lims.Invalid, "sample.barcode", "", []store.Tube{{Barcode: " ", Mode: lims.Single, Department: l.dep, ClientIDs: key}}},
		{"long barcode", lims.Invalid, "sample.barcode", "", []store.Tube{{Barcode: strings.Repeat("1", 41), Mode: lims.Single, Department: l.dep, ClientIDs: key}}},
		{"no such mode", lims.Invalid, "sample.mode", "", []store.Tube{{Barcode: "SN2", Mode: "mixed50", Department: l.dep, ClientIDs: key}}},
		{"nobody in it", lims.Invalid, "sample.empty", "SN2", []store.Tube{good, {Barcode: "SN2", Mode: lims.Single, Department: l.dep}}},
		{"two in a single", lims.Invalid, "sample.full", "SN2", []store.Tube{{Barcode: "SN2", Mode: lims.Single, Department: l.dep, ClientIDs: free[:2]}}},
		{"eleven of ten", lims.Invalid, "sample.full", "SN2", []store.Tube{good, {Barcode: "SN2", Mode: lims.Mixed10, Department: l.dep, ClientIDs: free[:11]}}},
		{"twenty-one", lims.Invalid, "sample.full", "SN2", []store.Tube{{Barcode: "SN2", Mode: lims.Mixed20, Department: l.dep, ClientIDs: free}}},
		{"closed before the first swab", lims.Invalid, "sample.times", "SN2", []store.Tube{{Barcode: "SN2", Mode: lims.Single, Department: l.dep, ClientIDs: key[:1], CollectedAt: now, ClosedAt: now.Add(-time.Minute)}}},
		{"in the future", lims.Invalid, "sample.times", "SN2", []store.Tube{{Barcode: "SN2", Mode: lims.Single, Department: l.dep, ClientIDs: key[:1], ClosedAt: now.Add(3 * time.Minute)}}},
		{"one barcode twice", lims.Invalid, "sample.twice", "SN1", []store.Tube{good, {Barcode: " SN1", Mode: lims.Single, Department: l.dep, ClientIDs: key[1:]}}},
		{"barcode in use", lims.Conflict, "sample.taken", taken, []store.Tube{good, {Barcode: taken, Mode: lims.Single, Department: l.dep, ClientIDs: key[1:]}}},
		{"no such order", lims.NotFound, "order.unknown", "C-none", []store.Tube{good, {Barcode: "SN2", Mode: lims.Single, Department: l.dep, ClientIDs: []string{"C-none"}}}},
		{"another's order", lims.NotFound, "order.unknown", foreign[0], []store.Tube{good, {Barcode: "SN2", Mode: lims.Single, Department: l.dep, ClientIDs: foreign}}},
		{"collected before", lims.Conflict, "order.collected", used[0], []store.Tube{good, {Barcode: "SN2", Mode: lims.Single, Department: l.dep, ClientIDs: used}}},
		{"in two tubes", lims.Conflict, "order.collected", key[0], []store.Tube{good, {Barcode: "SN2", Mode: lims.Single, Department: l.dep, ClientIDs: key[:1]}}},
		{"twice in one tube", lims.Conflict, "order.collected", free[0], []store.Tube{{Barcode: "SN2", Mode: lims.Mixed5, Department: l.dep, ClientIDs: []string{free[0], free[0]}}}},
		{"a key person in a pool", lims.Denied, "order.not_poolable", key[1], []store.Tube{good, {Barcode: "SN2", Mode: lims.Mixed5, Department: l.dep, ClientIDs: []string{free[0], key[1]}}}},
	}
	for _, tt := range tests {
		err := l.st.Collect(l.ctx, l.tech, tt.tubes)
		args := refused(t, err, tt.kind, tt.code)
		if tt.names != "" {
			require.Contains(t, strings.Join(append(words(args["barcodes"]), words(args["orders"])...), " "), tt.names, tt.name)
		}
		require.Equal(t, 1, get[int](l, `SELECT count(*) FROM samples`), "%s: all or nothing", tt.name)
		require.Equal(t, 1, get[int](l, `SELECT count(*) FROM orders WHERE sample_id IS NOT NULL`), tt.name)
	}
	refused(t, l.st.Collect(l.ctx, l.desk2, []store.Tube{good}), lims.NotFound, "not_found")
	refused(t, l.st.Collect(l.ctx, l.checker, []store.Tube{good}), lims.Denied, "role.needed")
	require.NoError(t, l.st.Collect(l.ctx, l.desk, []store.Tube{good}))
}

func words(v any) []string {
	w, _ := v.([]string)
	return w
}

func TestCollectPooledTube(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	clients := l.orders(l.dep, 10, lims.Screening)
	t0 := l.clock.now().Add(-20 * time.Minute)
	require.NoError(t, l.st.Collect(l.ctx, l.desk, []store.Tube{{Barcode: "SN1", Mode: lims.Mixed10, Department: l.dep, ClientIDs: clients, CollectedAt: t0, ClosedAt: l.clock.now()}}))
	require.Equal(t, "collected", l.states("SN1"))
	require.Equal(t, 10, get[int](l, `SELECT declared FROM samples`))
	require.Equal(t, clients, all[string](l, `SELECT o.client_id FROM contents c JOIN orders o ON o.id = c.order_id ORDER BY c.position`), "in the order of the swabs")
	require.Equal(t, 10, get[int](l, `SELECT count(*) FROM orders WHERE collected_at = $1`, t0), "T0 is the first swab, for everybody in the tube")
	require.Equal(t, 4, get[int](l, `SELECT priority FROM samples`))
}

// Two sampling points cannot put one person into two tubes, nor use one label twice.
func TestCollectAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	clients := l.orders(l.dep, 2, lims.KeyPerson)
	tube := func(code, client string) func() error {
		return func() error {
			return l.st.Collect(l.ctx, l.desk, []store.Tube{{Barcode: code, Mode: lims.Single, Department: l.dep, ClientIDs: []string{client}}})
		}
	}
	errs := together(tube("SN1", clients[0]), tube("SN2", clients[0]))
	require.True(t, (errs[0] == nil) != (errs[1] == nil), "%v", errs)
	refused(t, first(errs), lims.Conflict, "order.collected")

	clients = l.orders(l.dep, 2, lims.KeyPerson)
	errs = together(tube("SN3", clients[0]), tube("SN3", clients[1]))
	require.True(t, (errs[0] == nil) != (errs[1] == nil), "%v", errs)
	require.Equal(t, []string{"SN3"}, refused(t, first(errs), lims.Conflict, "sample.taken")["barcodes"])
}

// first is the first error that is one.
func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
