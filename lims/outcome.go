package lims

import "natlims/lims/pcr"

// Codes of a result (domain 1.7). They are what a department reads.
const (
	Negative            = "negative"
	Positive            = "positive"
	PresumptivePositive = "presumptive_positive"
	Suspicious          = "suspicious"
	Inconclusive        = "inconclusive"
	InvalidResult       = "invalid"
	Discordant          = "discordant"
	PendingReview       = "pending_review"
	RejectedResult      = "rejected"
)

// Closes says whether releasing a result of this code ends the order; all others ask for a new collection.
func Closes(result string) bool { return result == Negative || result == Positive }

// Outcome is what a call on a tube means for the tube and the orders in it.
type Outcome struct {
	Result string // code of the result of every order in the tube; "" where the tube is tested again first
	Hold   string // reason code: a person must decide before anyone signs
	Repeat bool   // the tube goes back to the bench
	Alert  string // alert to raise at once, before anyone signs; "" none
}

// Decide says what a kit's call on a tube of n orders means. A pool that is not negative says nothing of a person: its members
// are "under verification" and are collected again singly (domain 1.9 and 5.5; FDA 2021-04-20 conditions D, H-L).
func Decide(k *pcr.Kit, c pcr.Call, n int) Outcome {
	o := Outcome{Alert: alertOf(k, c)}
	again := c.Action != "" && c.Action != "resample" && c.Action != "refer" && c.Action != "report_unable"
	switch c.Call {
	case Negative:
		return Outcome{Result: Negative}
	case "pending":
		switch {
		case again:
			o.Repeat = true
		case n > 1:
			o.Result = PendingReview
		case o.Alert != "":
			o.Result = Suspicious
		default:
			o.Result = InvalidResult
		}
		return o
	case Positive, PresumptivePositive, Suspicious, Inconclusive, InvalidResult, Discordant:
		o.Result = c.Call
		if n > 1 {
			o.Result = PendingReview
		}
		return o
	}
	// "review", or a word that we do not know: never a guess
	o.Result, o.Hold = Inconclusive, "rule.review"
	if n > 1 {
		o.Result = PendingReview
	}
	return o
}

// alertOf is the alert that a call raises: at once where a virus target came up, whatever becomes of the call later (R08, R37).
func alertOf(k *pcr.Kit, c pcr.Call) string {
	switch c.Call {
	case Negative, InvalidResult:
		return ""
	case Positive, PresumptivePositive:
		return "preliminary_positive"
	}
	for _, t := range k.Targets {
		if s := c.Targets.Of(t.ID).State; t.Role == "virus" && (s == "pos" || s == "grey") {
			return "suspicious"
		}
	}
	return ""
}
