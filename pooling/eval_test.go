package pooling

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ code, line string }{
		{BadJSON, `nonsense`}, {BadJSON, `[1]`}, {BadJSON, `{"scheme":"tree"`}, {BadJSON, `{"a":1} {"b":2}`}, {BadJSON, `3`}, {BadJSON, `{"a":}`},
		{BadField, `{}`}, {BadField, `{"scheme":"ring"}`}, {BadField, `{"scheme":null}`}, {BadField, `{"optimise":"x"}`},
		{BadField, `{"scheme":"tree","optimise":"tree","stages":[[3]],"risk":0.1}`},
		{BadField, `{"scheme":"tree","stages":[[3]]}`}, {BadField, `{"scheme":"tree","risk":0.1}`},
		{BadField, `{"scheme":"tree","stages":[[3]],"risk":0.1,"rows":2}`},
		{BadField, `{"scheme":"tree","stages":[[3]],"risk":0.1,"Se":0.9}`},
		{BadField, `{"scheme":"tree","stages":[[3]],"risk":0.1,"risk":0.2}`},
		{BadField, `{"scheme":"tree","stages":[[3]],"risk":"0.1"}`},
		{BadField, `{"scheme":"tree","stages":[[3]],"risk":[0.1,null,0.1]}`},
		{BadField, `{"scheme":"tree","stages":[[2.5]],"risk":0.1}`},
		{BadField, `{"scheme":"tree","stages":[[3]],"risk":1e999}`},
		{BadRisk, `{"scheme":"tree","stages":[[3]],"risk":1}`}, {BadRisk, `{"scheme":"tree","stages":[[3]],"risk":-0.1}`},
		{BadRisk, `{"scheme":"tree","stages":[[3]],"risk":[0.1,0.2,1.5]}`},
		{BadAccuracy, `{"scheme":"tree","stages":[[3]],"risk":0.1,"se":0.5,"sp":0.5}`},
		{BadAccuracy, `{"scheme":"tree","stages":[[3]],"risk":0.1,"se":1.1}`},
		{BadAccuracy, `{"scheme":"tree","stages":[[3]],"risk":0.1,"se":[0.9,0.9,0.9]}`},
		{BadAccuracy, `{"scheme":"tree","stages":[[3]],"risk":0.1,"se":[0.9,0.9],"sp":[0.9,0.9,0.9]}`},
		{BadSize, `{"scheme":"tree","stages":[[3]],"risk":[0.1,0.1]}`}, {BadSize, `{"scheme":"tree","stages":[],"risk":0.1}`},
		{BadSize, `{"scheme":"tree","stages":[[0]],"risk":0.1}`}, {BadSize, `{"scheme":"tree","stages":[[5],[2,2]],"risk":0.1}`},
		{BadSize, `{"scheme":"tree","stages":[[3,3],[2,4]],"risk":0.1}`}, {BadSize, `{"scheme":"tree","stages":[[1],[1],[2]],"risk":0.1}`},
		{EmptyPool, `{"scheme":"tree","stages":[[]],"risk":0.1}`}, {TooLarge, `{"scheme":"tree","stages":[[300000]],"risk":0.1}`},
		{BadField, `{"scheme":"tree","stages":[[3]],"risk":0.1,"rho":1}`}, {BadRisk, `{"scheme":"tree","stages":[[2]],"risk":[0.1,0.2],"rho":0.1}`},
		{BadSize, `{"scheme":"array","rows":0,"cols":3,"risk":0.1}`}, {TooLarge, `{"scheme":"array","rows":5000,"cols":3,"risk":0.1}`},
		{BadSize, `{"scheme":"array","rows":2,"cols":2,"risk":[[0.1,0.1],[0.1]]}`}, {BadSize, `{"scheme":"array","rows":2,"cols":2,"risk":[[0.1,0.1]]}`},
		{BadField, `{"scheme":"array","rows":2,"cols":2,"master":1,"risk":0.1}`},
		{BadField, `{"scheme":"array","rows":2,"cols":2,"master":true,"risk":0.1,"se":{"row":0.9,"col":0.9,"individual":0.9}}`},
		{BadField, `{"scheme":"array","rows":2,"cols":2,"risk":0.1,"se":{"row":0.9,"col":0.9,"individual":0.9,"x":1}}`},
		{BadAccuracy, `{"scheme":"array","rows":2,"cols":2,"risk":0.1,"se":[0.9,0.9,0.9]}`},
		{BadAccuracy, `{"scheme":"array","rows":2,"cols":2,"risk":0.1,"se":{"row":0.9,"col":0.4,"individual":0.9},"sp":0.6}`},
		{BadSize, `{"scheme":"partition","pools":[2,2],"risk":[0.1,0.2,0.3]}`}, {BadSize, `{"scheme":"partition","pools":[2,-2],"risk":0.1}`},
		{BadSize, `{"scheme":"halving","n":0,"stages":3,"risk":0.1}`}, {BadSize, `{"scheme":"halving","n":4,"stages":1,"risk":0.1}`},
		{BadSize, `{"scheme":"regular","r":2,"s":5,"e":2,"risk":0.1}`}, {BadSize, `{"scheme":"hypercube","l":1,"d":3,"risk":0.1}`},
		{TooLarge, `{"scheme":"hypercube","l":99,"d":9,"risk":0.1}`},
		{BadRisk, `{"scheme":"two-disease","n":5,"joint":[0.5,0.1,0.1,0.1]}`},
		{BadSize, `{"optimise":"tree","stages":6,"risk":0.1}`}, {BadSize, `{"optimise":"tree","stages":2,"min":9,"max":3,"risk":0.1}`},
		{BadSize, `{"optimise":"tree","stages":2,"min":0,"risk":0.1}`}, {TooLarge, `{"optimise":"tree","stages":2,"max":99999,"risk":0.1}`},
		{BadField, `{"optimise":"tree","stages":2,"risk":0.1,"objective":"BEST"}`}, {BadField, `{"optimise":"tree","stages":2,"risk":0.1,"objective":"GR"}`},
		{BadField, `{"optimise":"array","risk":[0.1,0.2]}`}, {BadField, `{"optimise":"partition","risk":0.1}`},
		{NoAnswer, `{"optimise":"partition","risk":[0.1,0.1,0.1],"min":2,"max":2}`},
		{NoAnswer, `{"optimise":"best","risk":0.3,"wells":5,"persons":100}`},
		{EmptyPool, `{"decode":{"pools":[],"positive":[]}}`}, {EmptyPool, `{"decode":{"pools":[[1],[]],"positive":[]}}`},
		{Duplicate, `{"decode":{"pools":[[1,1]],"positive":[]}}`}, {UnknownName, `{"decode":{"pools":[[0]],"positive":[]}}`},
		{UnknownName, `{"decode":{"pools":[[1]],"positive":[2]}}`}, {Duplicate, `{"decode":{"pools":[[1]],"positive":[1,1]}}`},
		{UnknownName, `{"decode":{"pools":[[1,5]],"positive":[1],"n":4}}`}, {BadField, `{"decode":{"pools":[[1]]}}`},
		{BadField, `{"decode":{"pools":[[1]],"positive":[1],"E":1}}`}, {BadField, `{"decode":[]}`}, {BadField, `{"decode":{"pools":[[1]],"positive":[1],"e":-1}}`},
		{BadAccuracy, `{"decode":{"pools":[[1]],"positive":[1],"se":0.3,"sp":0.5}}`}, {BadRisk, `{"decode":{"pools":[[1]],"positive":[1],"risk":1}}`},
		{EmptyPool, `{"scheme":"design","pools":[[1],[]],"risk":0.1}`}, {BadSize, `{"scheme":"design","pools":[[1,2]],"risk":[0.1]}`},
		{EmptyPool, `{"prevalence":{"pools":[]}}`}, {BadSize, `{"prevalence":{"pools":[{"size":5,"tested":2,"positive":3}]}}`},
		{BadSize, `{"prevalence":{"pools":[{"size":0,"tested":2,"positive":1}]}}`}, {BadField, `{"prevalence":{"pools":[{"size":5,"tested":2}]}}`},
		{BadField, `{"prevalence":{"pools":[{"size":5,"tested":2,"positive":1}],"interval":"wald"}}`},
		{BadField, `{"prevalence":{"pools":[{"size":5,"tested":2,"positive":1}],"estimator":"map"}}`},
		{BadField, `{"prevalence":{"pools":[{"size":5,"tested":2,"positive":1}],"level":1}}`},
		{BadField, `{"prevalence":{"pools":[{"size":5,"tested":2,"positive":1,"n":1}]}}`},
		{BadAccuracy, `{"prevalence":{"pools":[{"size":5,"tested":2,"positive":1}],"se":0.3,"sp":0.6}}`},
		{BadSize, `{"dilution":{"n":0,"cut":37,"cq":[30]}}`}, {BadField, `{"dilution":{"n":5,"cq":[30]}}`}, {EmptyPool, `{"dilution":{"n":5,"cut":37,"cq":[]}}`},
		{OverValid, `{"dilution":{"n":11,"max":10,"cut":37,"cq":[30]}}`}, {BadField, `{"dilution":{"n":5,"cut":37,"cq":[30],"efficiency":0}}`},
		{BadField, `{"dilution":{"n":5,"cut":37,"cq":[30,-3]}}`}, {BadField, `{"dilution":{"n":5,"cut":0,"cq":[30]}}`}, {BadField, `{"dilution":{"n":5,"cut":37,"cq":[400]}}`},
		{BadAccuracy, `{"scheme":"array","rows":2,"cols":2,"risk":0.1,"se":{"row":0.9,"col":0.9,"individual":0.9,"master":7}}`},
		{BadField, `{"optimise":"array-master","master":false,"risk":0.01}`},
	} {
		out := Eval([]byte(strings.Replace(c.line, "{", `{"id":"x",`, 1)))
		if !strings.HasPrefix(c.line, "{") || c.line == "{}" {
			out = Eval([]byte(c.line))
		}
		var a struct {
			Error struct{ Code, Message string }
		}
		require.NoError(t, json.Unmarshal(out, &a), "%s", out)
		require.Equal(t, c.code, a.Error.Code, "%s\n%s", c.line, out)
		require.NotEmpty(t, a.Error.Message)
		var top map[string]any
		require.NoError(t, json.Unmarshal(out, &top))
		require.Len(t, top, 2, "a refusal holds nothing else: %s", out)
	}
}

func TestIdComesBack(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"id":7,"dilution":{"n":2,"cut":37,"cq":[30]}}`:              `{"id":7,"detected":1,`,
		`{"dilution":{"n":2,"cut":37,"cq":[30]},"id":{"a":[1, 2]}}`:   `{"id":{"a":[1,2]},"detected":1,`,
		`{"dilution":{"n":2,"cut":37,"cq":[36.5]}}`:                   `{"id":null,"detected":0,`,
		`{"id":"号","scheme":"no"}`:                                    `{"id":"号","error":{"code":"bad_field",`,
		`{"id":1,"dilution":{"n":2,"n":2,"cut":37,"cq":[30]}}`:        `{"id":1,"error":{"code":"bad_field",`,
		`{"id":1,"scheme":"tree","stages":[[2]],"risk":0.1,"x":null}`: `{"id":1,"error":{"code":"bad_field",`,
	} {
		require.Contains(t, string(Eval([]byte(in))), want)
	}
}

func TestMasterIsTheOtherSpellingOfArrayMaster(t *testing.T) {
	t.Parallel()
	want := Eval([]byte(`{"optimise":"array-master","risk":0.02,"se":0.95,"max":9}`))
	require.Contains(t, string(want), `"master":true`)
	require.Equal(t, string(want), string(Eval([]byte(`{"optimise":"array","master":true,"risk":0.02,"se":0.95,"max":9}`))))
}

func TestRefusalsAreReadable(t *testing.T) {
	t.Parallel()
	require.Contains(t, string(Eval([]byte(`{"scheme":"regular","r":2,"s":4,"e":2,"risk":0.1}`))), "expected r, s, n >= 1 and 0 <= e < r")
	require.Contains(t, string(Eval([]byte("nonsense\r\n"))), `got \"nonsense\""`)
}

func TestUndefinedIsNull(t *testing.T) {
	t.Parallel()
	out := string(Eval([]byte(`{"id":1,"scheme":"tree","stages":[[5]],"risk":0}`)))
	require.Contains(t, out, `"pppv":null`)
	require.Contains(t, out, `"pse":1`)
	require.NotContains(t, out, "error")
	for _, line := range []string{
		`{"scheme":"hypercube","l":2,"d":3,"risk":0,"e":1,"se":[0.95,1],"sp":[1,0.99]}`,
		`{"scheme":"array","rows":1,"cols":1,"master":true,"se":[1,0.95,0.95],"sp":[1,0.99,0.8667587510950086],"risk":0}`,
		`{"scheme":"array","rows":2,"cols":4,"master":true,"strict":true,"se":[1,0.95,1],"sp":[1,0.99,0.5100955142151935],"risk":0}`,
	} {
		require.Contains(t, string(Eval([]byte(line))), `"pppv":null`, line)
	}
}

func TestEvalStream(t *testing.T) {
	t.Parallel()
	in := "\n" + `{"id":1,"scheme":"tree","stages":[[2]],"risk":0.1}` + "\r\n  \n" + `{"id":"` + strings.Repeat("x", maxLine) + `"}` + "\nbad\n" +
		`{"id":2,"decode":{"pools":[[1,2]],"positive":[]}}`
	var out bytes.Buffer
	require.NoError(t, EvalStream(strings.NewReader(in), &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 4)
	require.Contains(t, lines[0], `{"id":1,"persons":2,"expected_tests":1.38,`)
	require.Contains(t, lines[1], `"code":"too_large"`)
	require.Contains(t, lines[2], `"code":"bad_json"`)
	require.Contains(t, lines[3], `{"id":2,"sure":[],"possible":[],"candidates":[],"cleared":[1,2],"untested":[]`)
}

// A partner that keeps the pipe open gets each answer as soon as its line is whole, also
// when the next line has begun to come in.
func TestEvalStreamAnswersAtOnce(t *testing.T) {
	t.Parallel()
	ask, in := io.Pipe()
	out, answer := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- EvalStream(ask, answer) }()
	lines := bufio.NewReader(out)
	const request = `{"id":%d,"scheme":"tree","stages":[[2]],"risk":0.1}`
	rest := bom
	for i := range 3 {
		whole := rest + fmt.Sprintf(request, i) + "\n"
		next := fmt.Sprintf(request, i+1)
		_, err := io.WriteString(in, whole+next[:9])
		require.NoError(t, err)
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, line, fmt.Sprintf(`{"id":%d,"persons":2,`, i))
		_, err = io.WriteString(in, next[9:]+"\n")
		require.NoError(t, err)
		_, err = lines.ReadString('\n')
		require.NoError(t, err)
		rest = ""
	}
	require.NoError(t, in.Close())
	require.NoError(t, <-done)
}

func TestNumbersReadBack(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 1: "1", 0.1: "0.1", 1e-9: "1e-09", 1.5e21: "1.5e+21", -2.5: "-2.5", 1e-6: "0.000001", math.Inf(1): "null"} {
		text, err := json.Marshal(figures{num(v), num(v)})
		require.NoError(t, err)
		require.Equal(t, "["+want+","+want+"]", string(text))
	}
}

// The smaller half comes first, as in the published programs: it matters where risks differ.
func TestHalvingOfAnOddNumber(t *testing.T) {
	t.Parallel()
	h, err := Halving(7, 4)
	require.NoError(t, err)
	require.Equal(t, [][]int{{7}, {3, 4}, {1, 2, 2, 2}}, h)
}

func FuzzEval(f *testing.F) {
	for _, line := range []string{
		`{"id":1,"scheme":"tree","stages":[[8],[4,3,1]],"risk":[0.1,0.2,0,0.1,0.1,0.1,0.5,0.9],"se":[0.9,0.8,1],"sp":0.9}`,
		`{"scheme":"array","rows":2,"cols":3,"master":true,"risk":[[0.1,0.2,0.3],[0,0,0]],"se":{"row":0.9,"col":0.9,"individual":1,"master":0.9}}`,
		`{"scheme":"halving","n":9,"stages":3,"risk":0.1}`, `{"scheme":"partition","pools":[2,1],"risk":[0.1,0.2,0.3]}`,
		`{"scheme":"regular","r":3,"s":9,"e":1,"risk":0.01}`, `{"scheme":"hypercube","l":3,"d":4,"risk":0.01}`,
		`{"optimise":"tree","stages":3,"max":9,"risk":0.1,"objective":"MAR"}`, `{"optimise":"partition","risk":[0.1,0.2],"max":2}`,
		`{"decode":{"pools":[[1,2],[2,3]],"positive":[1],"e":1,"risk":0.1,"se":0.9,"sp":0.9}}`,
		`{"prevalence":{"pools":[{"size":5,"tested":20,"positive":2},{"size":1,"tested":3,"positive":0}],"estimator":"firth","interval":"lrt"}}`,
		`{"dilution":{"n":5,"cut":37,"cq":[30,36]}}`, `{"optimise":"best","risk":0.01,"max":6}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(line) > 500 { // sizes, not syntax, make an answer slow
			return
		}
		out := Eval(line)
		require.True(t, json.Valid(out), "%q -> %q", line, out)
		require.True(t, bytes.HasPrefix(out, []byte(`{"id":`)))
		require.NotContains(t, string(out), "\n")
	})
}
