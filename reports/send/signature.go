package send

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The headers of a webhook.
const (
	HeaderSignature = "Natlims-Signature" // t=<unix seconds>,v1=<hex HMAC-SHA-256 of "<t>.<body>">
	HeaderDelivery  = "Natlims-Delivery"  // the delivery's id, the same in every attempt; also sent as Idempotency-Key
	HeaderAttempt   = "Natlims-Attempt"   // counted from 1
	HeaderUrgent    = "Natlims-Urgent"    // "true" where the report holds a positive result
)

// What Verify refuses.
var (
	ErrSignature = errors.New("signature does not match")
	ErrStale     = errors.New("signature is too old or from the future")
)

// Sign is the signature header of a body sent at an instant.
func Sign(secret, body []byte, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(digest(secret, t, body))
}

func digest(secret []byte, t string, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(t))
	mac.Write([]byte("."))
	mac.Write(body)
	return mac.Sum(nil)
}

// Verify is for receivers: it says whether header signs body with secret within tolerance of now. Several v1 parts may stand
// in one header while a secret changes; one that matches is enough. A receiver that verified must still drop repeats by the
// delivery's id: within the tolerance a copy of a request verifies as well.
func Verify(secret []byte, header string, body []byte, now time.Time, tolerance time.Duration) error {
	if len(secret) == 0 {
		return fmt.Errorf("%w: no secret", ErrSignature)
	}
	var t string
	var sums [][]byte
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			if t != "" {
				return fmt.Errorf("%w: two times", ErrSignature)
			}
			t = value
		case "v1":
			if sum, err := hex.DecodeString(value); err == nil {
				sums = append(sums, sum)
			}
		}
	}
	unix, err := strconv.ParseInt(t, 10, 64)
	if err != nil || len(sums) == 0 || len(sums) > 8 {
		return fmt.Errorf("%w: %.80q: expected t=<unix seconds>,v1=<hex>", ErrSignature, header)
	}
	want := digest(secret, t, body)
	found := false
	for _, sum := range sums {
		found = hmac.Equal(sum, want) || found
	}
	if !found {
		return ErrSignature
	}
	if age := now.Sub(time.Unix(unix, 0)); age > tolerance || age < -tolerance {
		return fmt.Errorf("%w: signed %s ago, expected at most %s", ErrStale, age.Round(time.Second), tolerance)
	}
	return nil
}
