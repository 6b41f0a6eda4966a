// Package demo is a short real day of two laboratories: it registers orders, fills tubes, ships boxes, plates, runs simulated
// instruments over real lines, has results signed by two people, and waits for the departments' acknowledgements.
//
// It plays the people and the instruments; everything else is the product. It keeps no facts of its own but where the day's clock
// stands: each station asks the database what is to be done, so that a day that was killed goes on where it was.
// The same seed gives the same day.
package demo

import (
	"fmt"
	"hash/fnv"
	"time"

	"natlims/lims"
)

// department is one sender of the day.
type department struct {
	code, zh, en, kind string
	category           lims.Category
	mode               lims.Mode
	share              int // of a hundred orders
	lab                int
	risk               float64 // share of orders that are positive
}

var departments = [...]department{
	{"FC1", "市第一人民医院发热门诊", "First Hospital Fever Clinic", "fever_clinic", lims.FeverClinic, lims.Single, 16, 0, 0.008},
	{"FC2", "市第三人民医院发热门诊", "Third Hospital Fever Clinic", "fever_clinic", lims.FeverClinic, lims.Single, 12, 1, 0.008},
	{"CDC", "市疾控中心流调队", "City CDC Contact Tracing", "cdc", lims.CloseContact, lims.Single, 7, 0, 0.012},
	{"COLD", "冷链食品监管组", "Cold Chain Inspection", "cold_chain", lims.ColdChain, lims.Single, 9, 1, 0.001},
	{"COM1", "城东社区采样点", "East Community Sampling", "community", lims.Screening, lims.Mixed10, 29, 0, 0.0004},
	{"COM2", "城南社区采样点", "South Community Sampling", "community", lims.Screening, lims.Mixed10, 27, 1, 0.0004},
}

const (
	day      = 10 * time.Hour // of sampling
	step     = 5 * time.Minute
	lead     = 15 * time.Minute // registered before sampled
	window   = 40 * time.Minute // a courier's round
	courier  = 25 * time.Minute
	boxTubes = 200

	containers = 4 // that the cold chain opens
)

// planned is one order of the day. Times are offsets from the day's start.
type planned struct {
	client   string
	dept     int
	at       time.Duration // first swab
	positive bool
}

// plannedTube is one tube, with the indices of its orders.
type plannedTube struct {
	barcode string
	dept    int
	orders  []int
	t0, t1  time.Duration
}

// plannedBox is one courier's round of one department.
type plannedBox struct {
	code          string
	dept          int
	tubes         []int
	leave, arrive time.Duration
}

// plan is the whole day before it begins.
type plan struct {
	orders []planned
	tubes  []plannedTube
	boxes  []plannedBox

	orderOf  [len(departments)]span // orders of each department, in the order of time
	tubeOf   [len(departments)]span // its tubes
	byCode   map[string]int         // tube by barcode
	byClient map[string]int         // order by client id
}

// span is a part of a slice: from, up to and without.
type span struct{ from, to int }

// newPlan lays out a day of n orders.
func newPlan(n int) *plan {
	p := &plan{byCode: map[string]int{}, byClient: map[string]int{}}
	left := n
	for d, dep := range departments {
		count := n * dep.share / 100
		if d == len(departments)-1 {
			count = left
		}
		left -= count
		p.department(d, count)
	}
	return p
}

func (p *plan) department(d, count int) {
	dep := departments[d]
	first := len(p.orders)
	for i := range count {
		at := time.Duration(int64(day) * int64(i) / int64(max(count, 1)))
		if d == poolDept { // a container is opened, and all of it is swabbed
			first := count * (i * containers / count) / containers
			at = day*time.Duration(i*containers/count)/containers + time.Duration(i-first)*6*time.Second
		}
		client := fmt.Sprintf("%s-%06d", dep.code, i+1)
		// One sure positive in the first fever clinic, in the cold chain, whose tubes are pooled in the laboratory, and in the first
		// community, whose tubes hold ten, show all ways to the end.
		sure := (d == 0 || d == poolDept || d == 4) && i == count/3
		p.byClient[client] = len(p.orders)
		p.orders = append(p.orders, planned{client, d, at, sure || chance(client, "positive") < dep.risk})
	}
	size := dep.mode.Capacity()
	tubesFrom := len(p.tubes)
	for i := first; i < len(p.orders); i += size {
		t := plannedTube{barcode: fmt.Sprintf("SN%s%06d", dep.code, len(p.tubes)-tubesFrom+1), dept: d}
		for j := i; j < min(i+size, len(p.orders)); j++ {
			t.orders = append(t.orders, j)
		}
		t.t0 = p.orders[t.orders[0]].at
		t.t1 = p.orders[t.orders[len(t.orders)-1]].at + time.Minute
		p.byCode[t.barcode] = len(p.tubes)
		p.tubes = append(p.tubes, t)
	}
	p.orderOf[d], p.tubeOf[d] = span{first, len(p.orders)}, span{tubesFrom, len(p.tubes)}
	p.pack(d, tubesFrom)
}

// pack puts the tubes of a department from index i on into boxes by courier round.
func (p *plan) pack(d, i int) {
	n := 0
	for i < len(p.tubes) {
		round := p.tubes[i].t1 / window
		b := plannedBox{dept: d, leave: (round+1)*window + step, code: fmt.Sprintf("BX%s%04d", departments[d].code, n+1)}
		for i < len(p.tubes) && p.tubes[i].t1/window == round && len(b.tubes) < boxTubes {
			b.tubes = append(b.tubes, i)
			i++
		}
		b.arrive = b.leave + courier
		p.boxes = append(p.boxes, b)
		n++
	}
}

// chance is a number in [0,1) that depends on the words only.
func chance(words ...string) float64 {
	h := fnv.New64a()
	for _, w := range words {
		h.Write([]byte(w)) //nolint:errcheck // a hash does not fail
		h.Write([]byte{0}) //nolint:errcheck
	}
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}
