package pcr

import "math"

// Third-party quality control: the Cq of a weak positive, charted by target, lot, kit and instrument (Levey-Jennings).
//
// WS/T 641 covers quantitative control; on Cq values its rules are trend alarms (domain 1.10). A weak positive without
// a Cq is lost, which no statistic excuses.

// Goal is what a control lot should show: mean and standard deviation of its Cq, in cycles.
type Goal struct{ Mean, SD float64 }

// Point is one control well on the chart.
type Point struct {
	Cq   float64
	Lost bool // no Cq
}

// Alarm is a broken rule.
type Alarm struct {
	Rule   string // 1-2s, 1-3s, 2-2s, R-4s, 4-1s, 10x, lost, grubbs-2s, grubbs-3s
	At     int    // index of the point that completed it
	Reject bool   // out of control: release is blocked until a person has closed the record with a cause
}

// The rules.
const (
	Lost    = "lost"
	Rule12s = "1-2s"
	Rule13s = "1-3s"
	Rule22s = "2-2s"
	RuleR4s = "R-4s"
	Rule41s = "4-1s"
	Rule10x = "10x"
	Grubbs2 = "grubbs-2s"
	Grubbs3 = "grubbs-3s"
)

// GoalOf is mean and standard deviation (n-1) of the points that have a Cq, and how many those are.
func GoalOf(points []Point) (g Goal, n int) {
	sum, sq := 0.0, 0.0
	for _, p := range points {
		if !p.Lost {
			sum += p.Cq
			n++
		}
	}
	if n == 0 {
		return g, 0
	}
	g.Mean = sum / float64(n)
	for _, p := range points {
		if !p.Lost {
			sq += (p.Cq - g.Mean) * (p.Cq - g.Mean)
		}
	}
	if n > 1 {
		g.SD = math.Sqrt(sq / float64(n-1))
	}
	return g, n
}

// Westgard applies the rules to points in the order of time: 1-2s warns; 1-3s, 2-2s, R-4s reject; 4-1s and 10x tell of a
// trend. A goal without a standard deviation breaks no rule but "lost".
func Westgard(points []Point, g Goal) []Alarm {
	var out []Alarm
	z := make([]float64, 0, len(points)) // of the points that have a Cq
	for i, p := range points {
		if p.Lost {
			out = append(out, Alarm{Lost, i, true})
			continue
		}
		if g.SD <= 0 {
			continue
		}
		z = append(z, (p.Cq-g.Mean)/g.SD)
		out = append(out, last(z, i)...)
	}
	return out
}

// last are the rules that the newest point completes.
func last(z []float64, at int) []Alarm {
	var out []Alarm
	n := len(z)
	now := z[n-1]
	if math.Abs(now) > 2 {
		out = append(out, Alarm{Rule12s, at, false})
	}
	if math.Abs(now) > 3 {
		out = append(out, Alarm{Rule13s, at, true})
	}
	if side(z, 2, 2) {
		out = append(out, Alarm{Rule22s, at, true})
	}
	if n > 1 && (now > 2 && z[n-2] < -2 || now < -2 && z[n-2] > 2) {
		out = append(out, Alarm{RuleR4s, at, true})
	}
	if side(z, 4, 1) {
		out = append(out, Alarm{Rule41s, at, false})
	}
	if side(z, 10, 0) {
		out = append(out, Alarm{Rule10x, at, false})
	}
	return out
}

// side says whether the last n points all lie beyond limit on one side.
func side(z []float64, n int, limit float64) bool {
	if len(z) < n {
		return false
	}
	up, down := true, true
	for _, x := range z[len(z)-n:] {
		up, down = up && x > limit, down && x < -limit
	}
	return up || down
}

// grubbs are the critical values for n = 3 to 20 at 5 % and 1 %, the "n2s" and "n3s" of the immediate method (即刻法).
var grubbs = [18][2]float64{
	{1.153, 1.155}, {1.463, 1.492}, {1.672, 1.749}, {1.822, 1.944}, {1.938, 2.097}, {2.032, 2.221},
	{2.110, 2.323}, {2.176, 2.410}, {2.234, 2.485}, {2.285, 2.550}, {2.331, 2.607}, {2.371, 2.659},
	{2.409, 2.705}, {2.443, 2.747}, {2.475, 2.785}, {2.504, 2.821}, {2.532, 2.854}, {2.557, 2.884},
}

// MinForGoal is the number of points from which a laboratory's own mean and standard deviation are used.
const MinForGoal = 20

// Grubbs judges the newest of fewer than 20 points by the immediate method: the largest or smallest of all points so far,
// measured in their own standard deviations, against the critical value. The first two points prove nothing. Points that
// were rejected earlier are left out of the statistics.
func Grubbs(points []Point) []Alarm {
	var out []Alarm
	var kept []Point
	for i, p := range points {
		if p.Lost {
			out = append(out, Alarm{Lost, i, true})
			continue
		}
		kept = append(kept, p)
		n := len(kept)
		if n < 3 || n > MinForGoal {
			continue
		}
		g, _ := GoalOf(kept)
		if g.SD == 0 {
			continue
		}
		index := math.Abs(p.Cq-g.Mean) / g.SD
		switch {
		case index > grubbs[n-3][1]:
			out = append(out, Alarm{Grubbs3, i, true})
			kept = kept[:n-1]
		case index > grubbs[n-3][0]:
			out = append(out, Alarm{Grubbs2, i, false})
		}
	}
	return out
}

// Chart is a Levey-Jennings chart ready to be drawn.
type Chart struct {
	Goal   Goal
	Own    bool      // the goal comes from these points, not from the lot's certificate
	Z      []float64 // by point: distance from the mean in standard deviations; NaN where lost or without a goal
	Alarms []Alarm
}

// Draw charts the points of one target, control lot, kit lot and instrument. With a goal (certificate or established) the
// rules of Westgard hold. Without one the first 20 points go by Grubbs and those that stand become the goal.
func Draw(points []Point, goal Goal) Chart {
	c := Chart{Goal: goal}
	begin := 0
	if goal.SD <= 0 {
		begin = min(len(points), MinForGoal)
		c.Own = true
		c.Alarms = Grubbs(points[:begin])
		out := map[int]bool{}
		for _, a := range c.Alarms {
			out[a.At] = out[a.At] || a.Reject
		}
		var stand []Point
		for i, p := range points[:begin] {
			if !out[i] {
				stand = append(stand, p)
			}
		}
		c.Goal, _ = GoalOf(stand)
	}
	for _, a := range Westgard(points[begin:], c.Goal) {
		a.At += begin
		c.Alarms = append(c.Alarms, a)
	}
	c.Z = make([]float64, len(points))
	for i, p := range points {
		c.Z[i] = math.NaN()
		if !p.Lost && c.Goal.SD > 0 {
			c.Z[i] = (p.Cq - c.Goal.Mean) / c.Goal.SD
		}
	}
	return c
}

// InControl says whether the newest point lets results be released.
func (c Chart) InControl() bool {
	for _, a := range c.Alarms {
		if a.Reject && a.At == len(c.Z)-1 {
			return false
		}
	}
	return true
}
