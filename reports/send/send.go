// Package send takes rendered reports out of the house: bytes to a department, by one channel or another.
//
// It sends once and says what came of it; it never renders, never retries, keeps no state and reads no clock (a Parcel
// carries the instant of its attempt). Who retries, and when, is decided by the caller with Backoff and RetryAfter.
// Invariants: a Parcel's ID is the same in every attempt, so that receivers can drop repeats; an error is Permanent only
// where trying again cannot help; no error text holds a secret, a query string or a person.
//
// To add a channel write one file here and its test against a real server of its kind.
package send

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// MaxParcel is the largest parcel that is sent, in bytes.
const MaxParcel = 64 << 20

// Destination is where a department wants its reports.
type Destination struct {
	ID      string            // for logs and errors
	Channel string            // name of the channel
	Address string            // URL or folder, as the channel says
	Secret  []byte            // shared with the receiver; never logged
	Options map[string]string // as the channel says; words that it does not know are others' (language, masking) and ignored
}

// Parcel is one attempt at one delivery.
type Parcel struct {
	ID      string    // the delivery; the same in every attempt: the idempotency key. Letters, digits, "-", "_", ".": 1 to 128
	Attempt int       // counted from 1
	Type    string    // MIME type
	Name    string    // file name, without personal data
	Bytes   []byte    // 1 … MaxParcel
	Created time.Time // when the delivery was made
	At      time.Time // when this attempt is made: it stands in signatures
	Urgent  bool      // cannot wait: holds a positive result, or a notice
}

// Receipt is what the receiver said.
type Receipt struct {
	Accepted     bool   // it has the bytes
	Acknowledged bool   // it says that it has read them: nothing more will come
	Text         string // its words, at most 200 characters, for people
	Status       int    // of the protocol, e.g. 202; 0 where there is none
}

// Channel is one way out.
type Channel struct {
	Name  string // stable, lower case: the word a destination names
	Title string // for people
	// Check says what is wrong with a destination before anything is sent: when it is entered. It connects to nothing.
	Check func(*Outbound, Destination) error
	// Send makes one attempt. Errors are *Error.
	Send func(context.Context, *Outbound, Destination, Parcel) (Receipt, error)
}

var channels []Channel // filled by init functions, never written again

func register(c Channel) { channels = append(channels, c) }

// Channels lists the channels by name.
func Channels() []Channel {
	all := slices.Clone(channels)
	slices.SortFunc(all, func(a, b Channel) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// ChannelNamed is the channel of that name, false where there is none.
func ChannelNamed(name string) (Channel, bool) {
	for _, c := range channels {
		if c.Name == name {
			return c, true
		}
	}
	return Channel{}, false
}

// Check says what is wrong with a destination; nil where it can be used.
func (o *Outbound) Check(d Destination) error {
	c, ok := ChannelNamed(d.Channel)
	if !ok {
		return refuse("destination %s: channel %q: expected one of %s", d.ID, d.Channel, names())
	}
	return c.Check(o, d)
}

// Send makes one attempt to bring a parcel to its destination, by the channel that the destination names.
func (o *Outbound) Send(ctx context.Context, d Destination, p Parcel) (Receipt, error) {
	if err := p.check(); err != nil {
		return Receipt{}, err
	}
	if err := o.Check(d); err != nil {
		return Receipt{}, err
	}
	c, _ := ChannelNamed(d.Channel)
	return c.Send(ctx, o, d, p)
}

func (p Parcel) check() error {
	switch {
	case !plainID(p.ID):
		return refuse("parcel %q: expected an id of 1 to 128 letters, digits, '-', '_' or '.'", p.ID)
	case p.At.IsZero():
		return refuse("parcel %s: no instant of this attempt", p.ID)
	case len(p.Bytes) == 0 || len(p.Bytes) > MaxParcel:
		return refuse("parcel %s: %d bytes: expected 1 to %d", p.ID, len(p.Bytes), MaxParcel)
	}
	return nil
}

// plainID says whether s can stand in a header and a file name as it is.
func plainID(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '.' {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

func names() string {
	var all []string
	for _, c := range Channels() {
		all = append(all, c.Name)
	}
	return strings.Join(all, ", ")
}

// option reads an option within limits; the standard value where it is not set.
func (d Destination) option(name string, standard, least, most time.Duration) (time.Duration, error) {
	text, ok := d.Options[name]
	if !ok || text == "" {
		return standard, nil
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < least || v > most {
		return 0, refuse("destination %s: option %s: %q: expected a duration from %s to %s", d.ID, name, text, least, most)
	}
	return v, nil
}

// refuse makes a permanent error.
func refuse(format string, args ...any) error {
	return &Error{Final: true, Err: fmt.Errorf(format, args...)}
}
