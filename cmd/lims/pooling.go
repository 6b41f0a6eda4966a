package main

import (
	"fmt"
	"io"
	"os"

	"natlims/pooling"
)

// poolingCmd is `lims pooling`: the arithmetic of group testing.
type poolingCmd struct {
	Eval poolingEvalCmd `cmd:"" help:"Answer pooling questions, one JSON object a line."`
	Plan poolingPlanCmd `cmd:"" help:"Recommend a pooling scheme and explain it."`
}

type poolingEvalCmd struct {
	File string `arg:"" help:"Requests, one a line; - reads standard input."`
}

// Run answers every line on standard output; a refused request is an answer, not
// a failure of the command.
func (c *poolingEvalCmd) Run() error {
	var in io.Reader = os.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	return pooling.EvalStream(in, os.Stdout)
}

type poolingPlanCmd struct {
	Prevalence float64 `required:"" help:"Risk of a person, 0.01 for 1 %."`
	Persons    int     `required:"" help:"Persons to test in the window."`
	Wells      int     `required:"" help:"Free sample wells in the window; 0 = not limited."`
	Rounds     int     `default:"2" help:"PCR rounds that fit before the deadline."`
	Cap        int     `default:"10" help:"Largest pool that is validated and allowed."`
	Se         float64 `default:"0.98" help:"Sensitivity of one test."`
	Sp         float64 `default:"0.999" help:"Specificity of one test."`
	Cut        float64 `help:"Cq that the assay detects 95 % of the time; counts dilution over the reference Cq."`
	Floor      float64 `help:"Least sensitivity of the whole scheme, 0.85 for 85 %."`
	Late       float64 `help:"Share of persons who may need one round more."`
	Lang       string  `default:"zh" enum:"zh,en" help:"Language of the explanation (zh or en)."`
	Svg        string  `placeholder:"FILE" help:"Write the picture of the scheme to this file."`
}

// Run prints the explanation and writes the picture.
func (c *poolingPlanCmd) Run() error {
	if c.Persons < 1 || c.Rounds < 1 || c.Cap < 1 {
		return fmt.Errorf("persons %d, rounds %d, cap %d: expected at least 1", c.Persons, c.Rounds, c.Cap)
	}
	if !(c.Cut >= 0 && c.Cut <= 100) {
		return fmt.Errorf("cut %v: expected a Cq of at most 100", c.Cut)
	}
	q := pooling.Ask{Risk: c.Prevalence, Persons: c.Persons, Wells: c.Wells, Rounds: c.Rounds, Cap: c.Cap,
		Test: pooling.Test{Se: c.Se, Sp: c.Sp}, Floor: c.Floor, Late: c.Late}
	if c.Cut > 0 {
		q.Cq, q.Dilution = pooling.ReferenceCq(), pooling.Dilution{C95: c.Cut, Sigma: 0.6}
	}
	a, err := pooling.Recommend(q)
	if err != nil {
		return err
	}
	text, err := pooling.Explain(a, c.Lang)
	if err != nil {
		return err
	}
	if c.Svg != "" {
		picture, err := pooling.SVG(a.Options[0], c.Lang)
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.Svg, picture, 0o644); err != nil {
			return err
		}
	}
	_, err = fmt.Print(text)
	return err
}
