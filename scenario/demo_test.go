package scenario

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// summary is the promise of lims demo --json; the names are a contract.
type summary struct {
	Orders, Samples, Received, Plates, Runs, Results, Released, Delivered, Acknowledged int
	Late, Lost, Doubled, Wrong, Positive, Recollected                                   int
	VoidPlates                                                                          int `json:"void_plates"`
	Seconds                                                                             float64
	ClockA, ClockB, ClockC                                                              struct{ P50, P95, Max float64 }
}

// day reads the summary of a day that has ended well.
func (p *program) day() (s summary) {
	p.t.Helper()
	require.Zero(p.t, p.wait(), "the day does not reconcile")
	require.NoError(p.t, json.Unmarshal(p.out.Bytes(), &s), "standard output is one JSON object")
	return s
}

func (s summary) whole(t *testing.T, orders int) {
	t.Helper()
	require.Equal(t, [6]int{orders, orders, orders, orders, orders, s.Samples},
		[6]int{s.Orders, s.Results, s.Released, s.Delivered, s.Acknowledged, s.Received}, "%+v", s)
	require.Zero(t, s.Lost, "%+v", s)
	require.Zero(t, s.Doubled, "%+v", s)
	require.Zero(t, s.Wrong, "%+v", s)
	require.Positive(t, s.Positive)
}

func demo(t *testing.T, dir string, orders int) *program {
	t.Helper()
	return start(t, "demo", "--orders", fmt.Sprint(orders), "--exit", "--json", "--data", dir, "--listen", "127.0.0.1:0")
}

func TestDemoReconciles(t *testing.T) {
	t.Parallel()
	p := demo(t, folder(t), 200)
	s := p.day()
	s.whole(t, 200)
	require.GreaterOrEqual(t, s.Plates, s.Runs-s.VoidPlates)
	require.Equal(t, 1, s.VoidPlates, "the plate whose positive control was forgotten")
	require.Positive(t, s.Recollected, "the pool that was not negative was collected again")
	var fields map[string]any
	require.NoError(t, json.Unmarshal(p.out.Bytes(), &fields))
	for _, name := range []string{"orders", "samples", "received", "plates", "runs", "results", "released", "delivered", "acknowledged", "late", "lost", "doubled", "seconds"} {
		require.Contains(t, fields, name)
	}
	for _, clock := range []string{"clock_a", "clock_b", "clock_c"} {
		require.Len(t, fields[clock], 3)
		require.Contains(t, fields[clock], "p95")
	}
}

// kill -9 of the program at any point of the day, again and again: the next life finishes the day with nothing lost, nothing doubled, nothing
// wrong. The points are the progress lines, and a random moment after them; a seed that fails is repeated by running it alone.
func TestKilledDay(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			dir := folder(t)
			const orders, lives = 120, 5
			points := []string{"demo: ", "private PostgreSQL is up"} // the first lives end while the city is built
			for i := range lives - 2 {
				hour := 8 + 3*i + r.IntN(3)
				points = append(points, fmt.Sprintf("%02d:%02d  registered", hour, 30*r.IntN(2)))
			}
			for _, point := range points {
				p := demo(t, dir, orders)
				if _, ok := p.says(point); !ok {
					continue // the day was over before
				}
				select {
				case <-p.over:
				case <-time.After(time.Duration(r.IntN(400)) * time.Millisecond):
				}
				p.kill()
			}
			p := demo(t, dir, orders)
			p.day().whole(t, orders)
		})
	}
}

// Asked to end, the program ends within seconds in the middle of its work, and the next life goes on.
func TestStoppedDay(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	p := demo(t, dir, 120)
	_, ok := p.says("10:00  registered")
	require.True(t, ok)
	begin := time.Now()
	require.NotZero(t, p.stop(), "the day is not over, and --exit says so")
	require.Less(t, time.Since(begin), 20*time.Second)
	require.Empty(t, p.out.String(), "no summary of half a day")
	q := demo(t, dir, 120)
	q.day().whole(t, 120)
	require.Contains(t, q.text(), "going on with the day")
	other := demo(t, dir, 121)
	require.Equal(t, 1, other.wait())
	require.Contains(t, other.text(), "holds a day of 120 orders")
}
