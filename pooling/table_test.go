package pooling

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The reference table is not part of the repository. Every row of it is turned
// into a request to Eval, or, where the contract has no such question, into a
// call; a row that nothing maps fails the test.

type row struct{ id, scheme, params, quantity, value, tolerance string }

func shared(name string) string {
	dir := os.Getenv("LIMS_SHARED")
	if dir == "" {
		dir = "../../shared"
	}
	return filepath.Join(dir, name)
}

func rows(t *testing.T, name string) []row {
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	var out []row
	in := bufio.NewScanner(f)
	for in.Scan() {
		c := strings.Split(in.Text(), "\t")
		if len(c) < 6 || c[0] == "id" || strings.HasPrefix(c[0], "#") {
			continue
		}
		out = append(out, row{c[0], c[1], c[2], c[3], c[4], c[5]})
	}
	require.NoError(t, in.Err())
	return out
}

func TestSharedTable(t *testing.T) {
	t.Parallel()
	name := shared("pooling.tsv")
	if _, err := os.Stat(name); err != nil {
		t.Log("no reference table:", err)
		return
	}
	all := rows(t, name)
	require.GreaterOrEqual(t, len(all), 185)
	for _, r := range all {
		t.Run(r.id, func(t *testing.T) {
			t.Parallel()
			r.check(t, r.compute(t))
		})
	}
}

func (r row) check(t *testing.T, got string) {
	require.NotEmpty(t, got, "row %s (%s, %s) is not mapped", r.id, r.scheme, r.quantity)
	tol, err := strconv.ParseFloat(r.tolerance, 64)
	if err != nil || tol == 0 {
		if r.tolerance != "0" || !numeric(r.value) {
			require.Equal(t, strings.TrimSpace(r.value), strings.TrimSpace(got))
			return
		}
	}
	want, have := strings.Split(r.value, ","), strings.Split(got, ",")
	require.Len(t, have, len(want))
	for i := range want {
		w, err := strconv.ParseFloat(want[i], 64)
		require.NoError(t, err)
		h, err := strconv.ParseFloat(have[i], 64)
		require.NoError(t, err)
		// the printed reference is rounded to its last digit; that is not our error
		require.LessOrEqual(t, math.Abs(w-h), tol*(1+1e-9), "want %s have %s", want[i], have[i])
	}
}

func numeric(s string) bool { _, err := strconv.ParseFloat(s, 64); return err == nil }

// params of a row: "p=0.1;Se=1;…".
func (r row) param(name string) string {
	for _, kv := range strings.Split(r.params, ";") {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(strings.Fields(v + " ")[0])
		}
	}
	return ""
}

func list(s string) []float64 {
	var out []float64
	for _, x := range strings.Split(s, ",") {
		v, err := strconv.ParseFloat(x, 64)
		if err != nil {
			return nil
		}
		out = append(out, v)
	}
	return out
}

// oneOrMany turns "0.9" into a number and "0.9,0.8" into a list.
func oneOrMany(s string) any {
	v := list(s)
	if len(v) == 1 {
		return v[0]
	}
	return v
}

func ask(t *testing.T, req map[string]any) map[string]any {
	line, err := json.Marshal(req)
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(Eval(line), &out))
	require.Nil(t, out["error"], "%s", line)
	return out
}

var measures = map[string]string{
	"E(T)": "expected_tests", "E(T)/I": "tests_per_person", "PSe": "pse", "PSp": "psp", "PPPV": "pppv", "PNPV": "pnpv",
	"Var(T)": "variance", "percent reduction": "percent_reduction", "percent capacity increase": "percent_capacity_increase",
	"PSe disease 1": "pse", "MAR objective E(T)/E(correct)": "tests_per_correct", "E(T) at 12:8-3-1": "expected_tests",
}

func show(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// base holds what every scheme request shares.
func (r row) base(kind, name string) map[string]any {
	return map[string]any{"id": r.id, kind: name, "risk": oneOrMany(r.param("p")), "se": oneOrMany(r.param("Se")), "sp": oneOrMany(r.param("Sp"))}
}

func (r row) compute(t *testing.T) string {
	switch {
	case strings.HasPrefix(r.scheme, "OTC"):
		return r.optimised(t)
	case strings.HasPrefix(r.scheme, "prevalence"):
		return r.prevalence(t)
	case strings.HasPrefix(r.scheme, "dec"), r.scheme == "design check":
		return r.decoded(t)
	case strings.HasPrefix(r.scheme, "dilution"), r.scheme == "volume":
		return r.diluted(t)
	}
	if s := r.special(t); s != "" {
		return s
	}
	req := r.request(t)
	if req == nil {
		return ""
	}
	out := ask(t, req)
	if who := r.param("individual"); who != "" {
		i, _ := strconv.Atoi(who)
		return show(out["per_person"].(map[string]any)[measures2(r.quantity)].([]any)[i-1])
	}
	if key := measures[r.quantity]; key != "" {
		return show(out[key])
	}
	return ""
}

func measures2(q string) string { return measures[q] }

var stageSizes = regexp.MustCompile(`\d+(-\d+)*`)

func (r row) stages() [][]int {
	text := r.param("config")
	if strings.Contains(r.params, " / ") { // 12 / 8-2-1-1 / (5-3)-(1-1) / individuals
		text = r.params[strings.Index(r.params, "config=")+7:]
		text = strings.NewReplacer("(", "", ")", "", " / individuals", "").Replace(text)
		text, _, _ = strings.Cut(text, " see")
	}
	if text == "" {
		text = r.param("I")
	}
	if strings.Contains(r.quantity, " at ") {
		text = r.quantity[strings.Index(r.quantity, " at ")+4:]
	}
	var out [][]int
	for _, stage := range stageSizes.FindAllString(text, -1) {
		var sizes []int
		for _, s := range strings.Split(stage, "-") {
			n, _ := strconv.Atoi(s)
			sizes = append(sizes, n)
		}
		out = append(out, sizes)
	}
	return out
}

func (r row) request(t *testing.T) map[string]any {
	req := r.base("scheme", "tree")
	switch name, _, _ := strings.Cut(r.scheme, " "); name {
	case "D2", "D3", "D4", "ID3":
		if len(r.stages()) == 0 {
			return nil
		}
		req["stages"] = r.stages()
	case "ID2":
		req["scheme"] = "partition"
		req["pools"] = []int{5, 2, 1}
		require.Contains(t, r.params, "pools=5-2-1")
	case "A2", "A2M":
		n, _ := strconv.Atoi(r.param("n"))
		req["scheme"], req["rows"], req["cols"], req["master"] = "array", n, n, name == "A2M"
	case "IA2":
		risk := list(r.param("p"))
		require.Contains(t, r.params, "column-wise descending")
		grid := make([][]float64, 4)
		for i := range risk {
			grid[i%4] = append(grid[i%4], risk[len(risk)-1-i])
		}
		req["scheme"], req["rows"], req["cols"], req["risk"] = "array", 4, 4, grid
	case "halving":
		n, _ := strconv.Atoi(r.param("I"))
		s, _ := strconv.Atoi(r.param("stages"))
		req["scheme"], req["n"], req["stages"] = "halving", n, s
	default:
		return nil
	}
	return req
}

// special rows are about the Dorfman size itself.
func (r row) special(t *testing.T) string {
	best := func() map[string]any {
		req := r.base("optimise", "tree")
		req["stages"], req["min"], req["max"] = 2, 2, 60
		if r.param("Se") == "" {
			delete(req, "se")
			delete(req, "sp")
		}
		return ask(t, req)
	}
	size := func(o map[string]any) string { return show(o["stages"].([]any)[0].([]any)[0]) }
	per := func(o map[string]any) float64 { return o["tests_per_person"].(float64) }
	switch {
	case r.quantity == "optimal pool size n":
		return size(best())
	case strings.HasSuffix(r.quantity, "at optimal n"):
		return show(1 / per(best()))
	case r.quantity == "optimal n and efficiency":
		o := best()
		return size(o) + "," + show(1/per(o))
	case r.quantity == "efficiency":
		p, _ := strconv.ParseFloat(r.param("p"), 64)
		return show(1 / dorfman(p, 3, Perfect))
	case strings.HasPrefix(r.quantity, "relative testing cost percent"):
		o := best()
		require.Contains(t, r.quantity+" ", "n="+size(o)+" ")
		return show(100 * per(o))
	case strings.HasPrefix(r.quantity, "minimax"):
		n, regret := MinimaxSize(60)
		require.InDelta(t, 0.1386, regret, 5e-5)
		return strconv.Itoa(n)
	case strings.HasPrefix(r.scheme, "D2 Bayes"):
		n, _ := BayesSize(0.5, 0.5, 60)
		return strconv.Itoa(n)
	case strings.HasPrefix(r.quantity, "largest p"):
		p, n := PoolingLimit(Perfect)
		require.Equal(t, 3, n)
		return show(p)
	case r.scheme == "D2 two-disease":
		return show(ask(t, map[string]any{"scheme": "two-disease", "n": 10, "joint": list(r.param("p--,p+-,p-+,p++")),
			"se": list(r.param("Se")), "sp": list(r.param("Sp"))})[measures[r.quantity]])
	}
	return ""
}

func (r row) optimised(t *testing.T) string {
	kind := strings.TrimPrefix(r.scheme, "OTC ")
	req := r.base("optimise", "tree")
	req["min"], req["max"] = 3, 40
	if strings.Contains(r.params, "3..20") {
		req["max"] = 20
	}
	switch kind {
	case "D2", "D3":
		req["stages"] = int(kind[1] - '0')
		if strings.HasPrefix(r.quantity, "MAR") {
			req["objective"], req["min"], req["max"] = "MAR", 11, 11
			return show(ask(t, req)["value"])
		}
	case "A2":
		req["optimise"] = "array"
	case "ID2":
		req["optimise"] = "partition"
		delete(req, "min")
		delete(req, "max")
	case "ID3":
		req = r.base("scheme", "tree")
		req["stages"] = r.stages()
		best := r.base("optimise", "tree")
		best["stages"] = 3
		require.LessOrEqual(t, ask(t, best)["expected_tests"].(float64), ask(t, req)["expected_tests"].(float64)+1e-12)
	default:
		return ""
	}
	out := ask(t, req)
	if key := measures[r.quantity]; key != "" {
		return show(out[key])
	}
	return config(out)
}

// config writes a configuration as the table does.
func config(out map[string]any) string {
	if out["rows"] != nil {
		return fmt.Sprintf("%vx%v", out["rows"], out["cols"])
	}
	join := func(x any) string {
		var s []string
		for _, n := range x.([]any) {
			s = append(s, show(n))
		}
		return strings.Join(s, "-")
	}
	if out["pools"] != nil {
		return join(out["pools"])
	}
	var s []string
	for _, stage := range out["stages"].([]any) {
		s = append(s, join(stage))
	}
	return strings.Join(s, ":")
}

func (r row) prevalence(t *testing.T) string {
	x, m, n := list(r.param("x")), list(r.param("m")), list(r.param("n"))
	if m == nil {
		m = []float64{1}
	}
	var pools []any
	for i := range x {
		pools = append(pools, map[string]any{"size": m[i], "tested": n[i], "positive": x[i]})
	}
	interval := "clopper-pearson"
	if strings.Contains(r.scheme, "score") {
		interval = "score"
	}
	out := ask(t, map[string]any{"prevalence": map[string]any{"pools": pools, "estimator": "mle", "interval": interval}})
	e, l, u := out["estimate"].(float64), out["lower"].(float64), out["upper"].(float64)
	switch r.quantity {
	case "estimate":
		return show(e)
	case "lower,upper":
		return show(l) + "," + show(u)
	case "estimate,lower,upper":
		return show(e) + "," + show(l) + "," + show(u)
	case "rate per 10000 and 95% CI":
		return show(e*1e4) + "," + show(l*1e4) + "," + show(u*1e4)
	}
	return ""
}
