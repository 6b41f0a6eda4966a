package web

import (
	"fmt"
	"strings"
	"time"

	"natlims/lims/store"
)

// boardLife is how long a board is shown to everybody before it is counted again.
const boardLife = 5 * time.Second

// dayTarget is the number of orders a day that the city must manage; laboratories whose capacity is on record are measured against that.
const dayTarget = 33_000

// stageNames in the order of the way.
var stageNames = []string{"registered", "collected", "dispatched", "received", "loaded", "read", "checked", "recollect"}

type board struct {
	at        time.Time
	Day       store.Day
	Stages    []stageCount
	Clocks    store.Clocks
	Late      int // released late today, and open ones that are overdue now
	LateOpen  int
	Open      int
	Target    int
	Reactions int // wells sealed today: what the work cost, where Day and Clocks count persons
	Labs      []labLine
	Delivery  store.DeliveryTally
	Pulse     store.Pulse
	Chart     chart
}

type stageCount struct {
	Name    string
	N, Late int
	Share   int // of the longest queue, 0..100
}

type labLine struct {
	Name    store.Name
	ID      int64
	Open    int
	Late    int
	Clocks  store.Clocks
	Target  int
	Percent string
}

// chart is the throughput of the day, cumulated, against the day's target.
type chart struct {
	Points   string // of a polyline in a 1180 x 216 drawing
	Area     string
	TargetY  float64
	Target   int
	NowX     float64
	NowY     float64
	Top      int
	Released int
}

func (s *site) boardPage(v *visit) error {
	sc := v.labScope()
	b, err := s.boardOf(v, sc)
	if err != nil {
		return err
	}
	labs, _, err := s.directory(v)
	if err != nil {
		return err
	}
	if sc.Lab != 0 || sc.Department != 0 {
		labs = nil
	}
	return v.show("board", struct {
		*board
		Choice []store.Lab
		Lab    int64
		At     time.Time
	}{b, labs, sc.Lab, b.at})
}

// boardOf counts at most once in boardLife for everybody who looks: screens on the wall ask all the time.
func (s *site) boardOf(v *visit, sc store.Scope) (*board, error) {
	s.wall.Lock()
	defer s.wall.Unlock()
	now := s.st.Now()
	if b := s.wall.boards[sc]; b != nil && now.Sub(b.at) < boardLife && !now.Before(b.at) {
		return b, nil
	}
	b, err := s.count(v, sc, now)
	if err != nil {
		return nil, err
	}
	if s.wall.boards == nil || len(s.wall.boards) > 500 {
		s.wall.boards = map[store.Scope]*board{}
	}
	s.wall.boards[sc] = b
	return b, nil
}

func (s *site) count(v *visit, sc store.Scope, now time.Time) (*board, error) {
	ctx, day := v.r.Context(), s.today()
	b := &board{at: now}
	stages, err := s.st.Stages(ctx, sc)
	if err != nil {
		return nil, err
	}
	clocks, err := s.st.ReleasedClocks(ctx, sc, day)
	if err != nil {
		return nil, err
	}
	if b.Day, err = s.st.DayTally(ctx, sc, day); err != nil {
		return nil, err
	}
	if b.Delivery, err = s.st.DeliveryTally(ctx, sc); err != nil {
		return nil, err
	}
	if sc.Department == 0 {
		if b.Pulse, err = s.st.Pulse(ctx, sc, now.Add(-heardWithin)); err != nil {
			return nil, err
		}
	}
	buckets, err := s.st.Throughput(ctx, sc, day)
	if err != nil {
		return nil, err
	}
	labs, _, err := s.directory(v)
	if err != nil {
		return nil, err
	}
	b.stages(stages)
	b.labs(labs, sc, stages, clocks)
	if b.Reactions, err = s.st.Reactions(ctx, sc, day); err != nil {
		return nil, err
	}
	b.Late = b.LateOpen + b.Clocks.Late
	b.Chart = throughput(buckets, day, now, b.Target)
	return b, nil
}

func (b *board) stages(rows []store.Stage) {
	n, late := map[string]int{}, map[string]int{}
	longest := 1
	for _, r := range rows {
		n[r.Stage] += r.N
		late[r.Stage] += r.Late
		b.Open += r.N
		b.LateOpen += r.Late
		longest = max(longest, n[r.Stage])
	}
	for _, name := range stageNames {
		b.Stages = append(b.Stages, stageCount{name, n[name], late[name], 100 * n[name] / longest})
	}
}

func (b *board) labs(labs []store.Lab, sc store.Scope, stages []store.Stage, clocks []store.Clocks) {
	for i, c := range clocks {
		if i == 0 { // over all
			b.Clocks = c
		}
	}
	for _, l := range labs {
		if sc.Lab != 0 && l.ID != sc.Lab {
			continue
		}
		line := labLine{Name: l.Name, ID: l.ID, Target: l.Capacity}
		for _, r := range stages {
			if r.Lab == l.ID {
				line.Open += r.N
				line.Late += r.Late
			}
		}
		for i, c := range clocks {
			if i > 0 && c.Lab == l.ID {
				line.Clocks = c
			}
		}
		line.Percent = percent(line.Clocks.Released, l.Capacity)
		b.Target += l.Capacity
		b.Labs = append(b.Labs, line)
	}
	if sc.Lab == 0 || b.Target == 0 {
		b.Target = dayTarget
	}
}

// The drawing: 24 hours from left to right, the base line at 190.
const chartLeft, chartRight, chartTop, chartBase = 52.0, 1172.0, 24.0, 190.0

func throughput(buckets []store.Bucket, day, now time.Time, target int) chart {
	total := 0
	for _, b := range buckets {
		total += b.N
	}
	c := chart{Target: target, Released: total, Top: max(target, total)}
	x := func(t time.Time) float64 {
		return chartLeft + (chartRight-chartLeft)*min(1, max(0, t.Sub(day).Hours()/24))
	}
	y := func(n int) float64 { return chartBase - (chartBase-chartTop)*float64(n)/float64(max(1, c.Top)) }
	var p strings.Builder
	fmt.Fprintf(&p, "%.1f,%.1f", chartLeft, chartBase)
	sum := 0
	for _, b := range buckets {
		fmt.Fprintf(&p, " %.1f,%.1f", x(b.At), y(sum))
		sum += b.N
		fmt.Fprintf(&p, " %.1f,%.1f", min(x(b.At.Add(15*time.Minute)), x(now)), y(sum))
	}
	c.NowX, c.NowY, c.TargetY = x(now), y(sum)-8, y(target)
	fmt.Fprintf(&p, " %.1f,%.1f", c.NowX, y(sum))
	c.Points = p.String()
	c.Area = fmt.Sprintf("%s %.1f,%.1f", c.Points, c.NowX, chartBase)
	return c
}
