package pooling

import "math"

// Test is the accuracy of one kind of test: Se = P(reads positive | any member
// positive), Sp = P(reads negative | all members negative).
type Test struct{ Se, Sp float64 }

// Perfect is the test without errors.
var Perfect = Test{1, 1}

func (t Test) delta() float64 { return 1 - t.Se - t.Sp }

// alarm is P(reads positive | all members negative).
func (t Test) alarm() float64 { return 1 - t.Sp }

// Check refuses an accuracy that is no probability or no better than a coin.
func (t Test) Check() error {
	if !(t.Se >= 0 && t.Se <= 1 && t.Sp >= 0 && t.Sp <= 1) {
		return refuse(BadAccuracy, "se %v, sp %v: expected both in [0,1]", t.Se, t.Sp)
	}
	if t.Se+t.Sp <= 1 {
		return refuse(BadAccuracy, "se %v + sp %v: expected a sum above 1", t.Se, t.Sp)
	}
	return nil
}

func checkTests(tests ...Test) error {
	for _, t := range tests {
		if err := t.Check(); err != nil {
			return err
		}
	}
	return nil
}

func checkRisk(risk ...float64) error {
	for i, p := range risk {
		if !(p >= 0 && p < 1) {
			return refuse(BadRisk, "risk %v of person %d: expected at least 0 and below 1", p, i+1)
		}
	}
	return nil
}

// Same is n persons of one risk.
func Same(p float64, n int) []float64 {
	risk := make([]float64, n)
	for i := range risk {
		risk[i] = p
	}
	return risk
}

// logNegative is log P(negative); log1p keeps the digits of small risks.
func logNegative(p float64) float64 { return math.Log1p(-p) }
