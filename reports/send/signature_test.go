package send

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The example of the documentation for departments: whoever writes a receiver can check theirs against it.
func TestSignatureExample(t *testing.T) {
	t.Parallel()
	header := Sign([]byte("0123456789abcdef"), []byte(`{"schema":"natlims.report/v1"}`), time.Unix(1605961860, 0))
	require.Equal(t, "t=1605961860,v1=240748bbadaa8660bdc291c454160f66d56371694de454859f50f654acd17088", header)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	body := []byte("results")
	good := Sign(secret, body, now)
	other := Sign([]byte("the new secret, not yet here"), body, now)
	const tolerance = 5 * time.Minute
	for name, c := range map[string]struct {
		header string
		body   string
		now    time.Time
		want   error
	}{
		"good":               {good, "results", now, nil},
		"late enough":        {good, "results", now.Add(tolerance), nil},
		"replayed later":     {good, "results", now.Add(tolerance + time.Second), ErrStale},
		"from the future":    {good, "results", now.Add(-tolerance - time.Second), ErrStale},
		"another body":       {good, "resultz", now, ErrSignature},
		"another time":       {"t=1605961861" + good[len("t=1605961860"):], "results", now, ErrSignature},
		"another secret":     {other, "results", now, ErrSignature},
		"two secrets":        {other + "," + good[len("t=1605961860,"):], "results", now, nil},
		"spaces":             {"t=1605961860, " + good[len("t=1605961860,"):], "results", now, nil},
		"no header":          {"", "results", now, ErrSignature},
		"no sum":             {"t=1605961860", "results", now, ErrSignature},
		"no time":            {good[len("t=1605961860,"):], "results", now, ErrSignature},
		"two times":          {"t=1," + good, "results", now, ErrSignature},
		"sum cut":            {good[:len(good)-2], "results", now, ErrSignature},
		"empty sum":          {"t=1605961860,v1=", "results", now, ErrSignature},
		"unknown version":    {"t=1605961860,v0=" + good[len("t=1605961860,v1="):], "results", now, ErrSignature},
		"time with a sign":   {"t=+1605961860,v1=00", "results", now, ErrSignature},
		"time beyond bounds": {"t=99999999999999999999,v1=00", "results", now, ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, Verify(secret, c.header, []byte(c.body), c.now, tolerance), c.want)
		})
	}
	require.ErrorIs(t, Verify(nil, Sign(nil, body, now), body, now, tolerance), ErrSignature, "no secret verifies nothing")
}

func TestSignedVerifies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key, body := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "key"), rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		at := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 0)
		header := Sign(key, body, at)
		if err := Verify(key, header, body, at, 0); err != nil {
			t.Fatal(err)
		}
		if Verify(append(key, 1), header, body, at, 0) == nil || Verify(key, header, append(body, 1), at, 0) == nil {
			t.Fatal("a changed key or body verified")
		}
	})
}

func FuzzVerify(f *testing.F) {
	good := Sign(secret, []byte("results"), now)
	f.Add(good)
	f.Add("t=1,v1=00,v1=")
	f.Add(",,==")
	f.Fuzz(func(t *testing.T, header string) {
		if Verify(secret, header, []byte("other results"), now, time.Hour) == nil {
			t.Fatalf("%q verified", header)
		}
	})
}
