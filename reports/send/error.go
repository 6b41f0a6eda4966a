package send

import (
	"errors"
	"hash/fnv"
	"time"
)

// Kind sorts errors by what a caller can do about them.
type Kind string

// Permanent is the target of errors.Is for errors that another attempt cannot mend.
const Permanent Kind = "permanent"

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return string(k) }

// Error says why an attempt did not succeed.
type Error struct {
	Final  bool          // permanent
	Status int           // of the protocol; 0 where there was no answer
	After  time.Duration // how long the receiver asked to wait; 0 where it did not
	Err    error
}

// Error holds neither secret nor query string.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches Permanent.
func (e *Error) Is(target error) bool { return target == Permanent && e.Final }

// RetryAfter is how long the receiver asked to wait, at most an hour; 0 where it did not.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return min(max(e.After, 0), time.Hour)
	}
	return 0
}

// steps are the waits after the first, second … attempt.
var steps = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute}

// Backoff is how long to wait after the given attempt (counted from 1) has not succeeded: 1 s, 2 s, 5 s, 10 s, 30 s,
// 1 min, 2 min, then 5 min. Jitter, from 0 to 1, takes up to a quarter away, so that what failed together does not return together.
func Backoff(attempt int, jitter float64) time.Duration {
	step := steps[min(max(attempt, 1), len(steps))-1]
	return step - time.Duration(float64(step)*min(max(jitter, 0), 1)/4)
}

// Jitter is a number from 0 to 1 that is the same for the same delivery and attempt.
func Jitter(id string, attempt int) float64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	h.Write([]byte{byte(attempt), byte(attempt >> 8)})
	x := h.Sum64()
	x ^= x >> 33 // FNV leaves the high bits of short inputs alike
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}
