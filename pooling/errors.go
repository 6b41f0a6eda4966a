package pooling

import "fmt"

// Codes of Error. They are part of the contract of Eval and do not change.
const (
	BadJSON      = "bad_json"      // the line is not one JSON object
	BadField     = "bad_field"     // unknown, repeated, missing or wrongly typed field
	BadRisk      = "bad_risk"      // a risk outside [0,1)
	BadAccuracy  = "bad_accuracy"  // Se or Sp outside [0,1], or Se+Sp <= 1
	BadSize      = "bad_size"      // a size below 1, or sizes that do not add up
	TooLarge     = "too_large"     // over a limit of this package
	EmptyPool    = "empty_pool"    // a pool without members
	Duplicate    = "duplicate"     // a member or a pool named twice
	TwoPools     = "two_pools"     // a person in two pools of one batch
	PoolOfPools  = "pool_of_pools" // a pool as a member of a pool
	OverValid    = "over_validated"
	OverCapacity = "over_capacity"
	UnknownName  = "unknown_member"
	NoAnswer     = "no_answer" // nothing satisfies the limits
)

// Error is a refusal: a stable Code for programs and a Text for people.
type Error struct{ Code, Text string }

func (e *Error) Error() string { return e.Text }

func refuse(code, format string, args ...any) error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Limits of size; each is far above what a laboratory pools.
const (
	maxPersons = 200_000
	maxSide    = 400 // rows or columns of an array
	maxStages  = 20
	maxSearch  = 1_000 // largest pool an optimiser looks at
)
