package demo

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims/store"
	"natlims/lims/store/pgtest"
)

// A day that is killed while its city is put on record goes on with the same city, wherever it was.
func TestFoundingGoesOn(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	clock := NewClock(time.Date(2021, 1, 15, 7, 0, 0, 0, time.UTC), 0)
	st, err := store.Open(ctx, pgtest.New(t), store.Options{Now: clock.Now})
	require.NoError(t, err)
	defer st.Close()
	counts := func() (n []int) {
		for _, table := range []string{"labs", "departments", "destinations", "instruments", "actors", "kits", "lots"} {
			var c int
			require.NoError(t, st.DB().Get(&c, `SELECT count(*) FROM `+table))
			n = append(n, c)
		}
		return n
	}
	o := Options{Orders: 100, Dir: t.TempDir(), Progress: testWriter{t}}
	killed := errors.New("killed")
	for rows := 1; rows < 40; rows += 7 { // a context that ends after so many rows
		kctx, kill := context.WithCancelCause(ctx)
		go func() {
			for kctx.Err() == nil {
				var c int
				if st.DB().Get(&c, `SELECT (SELECT count(*) FROM actors) + (SELECT count(*) FROM labs) + (SELECT count(*) FROM departments) + (SELECT count(*) FROM destinations)`) == nil && c >= rows {
					kill(killed)
				}
			}
		}()
		if _, err := NewDay(kctx, st, clock, o); err == nil {
			kill(nil)
			break
		}
	}
	_, err = NewDay(ctx, st, clock, o)
	require.NoError(t, err)
	first := counts()
	require.Equal(t, []int{2, 7, 6}, first[:3])
	_, err = st.DB().Exec(`DELETE FROM marks WHERE name = $1`, markCity) // killed before the last line
	require.NoError(t, err)
	d, err := NewDay(ctx, st, clock, o)
	require.NoError(t, err)
	require.Equal(t, first, counts())
	require.Len(t, d.city.Units, first[3])
}
