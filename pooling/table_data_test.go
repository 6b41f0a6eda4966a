package pooling

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Rows of the reference table that need a published data set.

func corpus(t *testing.T, name string) [][]string {
	f, err := os.Open(shared("corpus/" + name))
	require.NoError(t, err)
	defer f.Close()
	var out [][]string
	in := bufio.NewScanner(f)
	for in.Scan() {
		out = append(out, strings.Split(in.Text(), "\t"))
	}
	return out
}

// pbest reads "sample <tab> pools" into pools of members from 1.
func pbest(t *testing.T) [][]int {
	pools := make([][]int, 48)
	for _, c := range corpus(t, "pbest_384x48_by_sample.tsv") {
		who, _ := strconv.Atoi(c[0])
		for _, p := range list(c[1]) {
			pools[int(p)-1] = append(pools[int(p)-1], who)
		}
	}
	return pools
}

// tapestry reads a 0/1 matrix, a pool a line.
func tapestry(t *testing.T) [][]int {
	var pools [][]int
	for _, c := range corpus(t, "tapestry_16x40.tsv") {
		var members []int
		for i, v := range c {
			if v == "1" {
				members = append(members, i+1)
			}
		}
		pools = append(pools, members)
	}
	return pools
}

func join(v any, sep string) string {
	var s []string
	for _, x := range v.([]any) {
		s = append(s, show(x))
	}
	return strings.Join(s, sep)
}

func (r row) decoded(t *testing.T) string {
	if strings.HasPrefix(r.id, "DEC-NCBS") {
		test := "test" + r.id[len(r.id)-1:]
		require.Contains(t, r.params, test)
		positive := []int{}
		for _, c := range corpus(t, "tapestry_ncbs_ct.tsv") {
			if c[0] != test {
				continue
			}
			p, _ := strconv.Atoi(c[1])
			if ct, _ := strconv.ParseFloat(c[2], 64); ct < 33 {
				positive = append(positive, p)
			}
		}
		out := ask(t, map[string]any{"decode": map[string]any{"pools": tapestry(t), "positive": positive}})
		return strings.TrimSpace(join(out["sure"], ",") + " | " + join(out["possible"], ","))
	}
	pools := pbest(t)
	if r.scheme == "design check" {
		for _, m := range pools {
			for i := range m {
				m[i]--
			}
		}
		d, err := NewDesign(0, pools)
		require.NoError(t, err)
		g := d.Geometry()
		require.Equal(t, g.PerPerson[0], g.PerPerson[1])
		require.Equal(t, g.InPool[0], g.InPool[1])
		require.Equal(t, 2, g.Exact)
		return fmt.Sprintf("%d,%d,%d", g.PerPerson[0], g.InPool[0], g.Shared)
	}
	var positive []int
	for _, c := range corpus(t, "pbest_two_carriers_ct.tsv")[1:] {
		p, _ := strconv.Atoi(c[0])
		positive = append(positive, p)
	}
	slices.Sort(positive)
	out := ask(t, map[string]any{"decode": map[string]any{"pools": pools, "positive": positive}})
	if r.id == "DEC-PBEST-UNEXP" {
		return join(out["unexplained"], ",")
	}
	return join(out["candidates"], ",")
}

func verwilt(t *testing.T) []float64 {
	var cq []float64
	for _, c := range corpus(t, "verwilt_cq.tsv")[1:] {
		v, err := strconv.ParseFloat(c[0], 64)
		require.NoError(t, err)
		cq = append(cq, v)
	}
	return cq
}

func (r row) diluted(t *testing.T) string {
	n, _ := strconv.Atoi(r.param("n"))
	req := map[string]any{"n": max(n, 1), "cut": 37}
	if strings.Contains(r.params, "verwilt") {
		req["cq"] = verwilt(t)
	}
	out := ask(t, map[string]any{"dilution": req})
	switch {
	case strings.HasPrefix(r.quantity, "detected of 1632"):
		require.EqualValues(t, 1632, out["of"])
		return show(out["detected"])
	case r.quantity == "median Cq":
		return show(out["median"])
	case strings.HasPrefix(r.quantity, "relative volume"):
		return show(out["relative_volume"])
	case strings.Contains(r.quantity, "log2"):
		return show(out["shift"])
	}
	return ""
}
