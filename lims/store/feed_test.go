package store_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// A reader who goes on from the last cursor misses nothing, whoever releases at the same time.
func TestFeedMissesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	const n = 84
	ids := l.called(lims.Called, l.readTubes(n, nil)...)
	require.NoError(t, l.st.Check(l.ctx, l.checker, ids))
	var work []func() error
	for part := range slices.Chunk(ids, 3) {
		work = append(work, func() error { return l.st.Release(l.ctx, l.releaser, part) })
	}
	over := make(chan struct{})
	read := make(chan []store.Released, 1)
	go func() {
		var got []store.Released
		last := int64(0)
		for last2 := false; ; {
			page, err := l.st.ResultsSince(context.WithoutCancel(l.ctx), l.dep, last, 5)
			if err != nil {
				break
			}
			got = append(got, page...)
			if len(page) > 0 {
				last = page[len(page)-1].Cursor
				continue
			}
			if last2 { // looked once more after the last release
				break
			}
			select {
			case <-over:
				last2 = true
			default:
			}
		}
		read <- got
	}()
	for _, err := range together(work...) {
		require.NoError(t, err)
	}
	close(over)
	got := <-read
	require.Len(t, got, n)
	seen := map[int64]bool{}
	for i, r := range got {
		require.False(t, seen[r.OrderID])
		seen[r.OrderID] = true
		require.True(t, i == 0 || got[i-1].Cursor < r.Cursor)
	}
}

func TestFeedIsOfOneDepartment(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	mine := l.readTubes(2, nil)
	theirs := l.tubes(l.dep2, lims.Single, l.orders(l.dep2, 1, lims.FeverClinic))
	l.scan(l.tech, l.box(l.dep2, l.one, theirs), theirs...)
	l.read(l.running(theirs), nil)
	l.signed(append(mine, theirs...)...)
	for dep, codes := range map[int64][]string{l.dep: mine, l.dep2: theirs} {
		rows, err := l.st.ResultsSince(l.ctx, dep, 0, 100)
		require.NoError(t, err)
		var got []string
		for _, r := range rows {
			got = append(got, r.Barcode)
		}
		slices.Sort(got)
		require.Equal(t, codes, got)
	}
	require.Equal(t, []int64{l.dep}, all[int64](l, `SELECT department_id FROM deliveries`), "the other department has no destination: it reads for itself")
}
