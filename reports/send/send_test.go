package send

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	secret = []byte("a secret of the test, long enough")
	now    = time.Date(2020, 11, 21, 12, 31, 0, 0, time.UTC)
)

func parcel() Parcel {
	return Parcel{ID: "D-000417", Attempt: 2, Type: "application/json", Name: "R20201121-000417.json",
		Bytes: []byte(`{"schema":"natlims.report/v1"}`), Created: now.Add(-time.Minute), At: now}
}

func permanent(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.True(t, errors.Is(err, Permanent), "expected a permanent error: %v", err)
}

func retryable(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.False(t, errors.Is(err, Permanent), "expected an error worth another attempt: %v", err)
}

func TestEveryChannelHasItsTest(t *testing.T) {
	t.Parallel()
	var names []string
	for _, c := range Channels() {
		names = append(names, c.Name)
		require.FileExists(t, c.Name+".go")
		require.FileExists(t, c.Name+"_test.go")
		found, ok := ChannelNamed(c.Name)
		require.True(t, ok)
		require.Equal(t, c.Title, found.Title)
	}
	require.Equal(t, []string{"folder", "webhook"}, names)
	_, ok := ChannelNamed("pigeon")
	require.False(t, ok)
}

func TestUnfitParcelsAndDestinationsAreRefused(t *testing.T) {
	t.Parallel()
	o := &Outbound{Folder: t.TempDir()}
	good := Destination{ID: "7", Channel: "folder", Address: "."}
	_, err := o.Send(t.Context(), good, parcel())
	require.NoError(t, err)
	for want, change := range map[string]func(*Parcel){
		`parcel "": expected an id`:           func(p *Parcel) { p.ID = "" },
		`parcel "../x": expected an id`:       func(p *Parcel) { p.ID = "../x" },
		`parcel "a\r\nb": expected an id`:     func(p *Parcel) { p.ID = "a\r\nb" },
		`D-000417: no instant`:                func(p *Parcel) { p.At = time.Time{} },
		`D-000417: 0 bytes: expected 1 to`:    func(p *Parcel) { p.Bytes = nil },
		`67108865 bytes: expected 1 to 67108`: func(p *Parcel) { p.Bytes = make([]byte, MaxParcel+1) },
	} {
		p := parcel()
		change(&p)
		_, err := o.Send(t.Context(), good, p)
		permanent(t, err)
		require.ErrorContains(t, err, want)
	}
	good.Channel = "pigeon"
	_, err = o.Send(t.Context(), good, parcel())
	permanent(t, err)
	require.ErrorContains(t, err, `channel "pigeon": expected one of folder, webhook`)
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int]time.Duration{-1: time.Second, 0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 5 * time.Second,
		4: 10 * time.Second, 5: 30 * time.Second, 6: time.Minute, 7: 2 * time.Minute, 8: 5 * time.Minute, 1000: 5 * time.Minute} {
		require.Equal(t, want, Backoff(attempt, 0), "attempt %d", attempt)
		require.Equal(t, want*3/4, Backoff(attempt, 1), "attempt %d", attempt)
	}
}

func TestBackoffHasLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		attempt, id := rapid.Int().Draw(t, "attempt"), rapid.String().Draw(t, "id")
		j := Jitter(id, attempt)
		if j < 0 || j >= 1 || j != Jitter(id, attempt) {
			t.Fatalf("jitter %v", j)
		}
		if d := Backoff(attempt, j); d < 750*time.Millisecond || d > 5*time.Minute {
			t.Fatalf("backoff %s", d)
		}
		if d := Backoff(attempt, rapid.Float64().Draw(t, "any")); d < 750*time.Millisecond || d > 5*time.Minute {
			t.Fatalf("backoff %s", d)
		}
	})
}

// What failed together must not come back together.
func TestJitterSpreads(t *testing.T) {
	t.Parallel()
	var tenths [10]int
	for i := range 10_000 {
		tenths[int(Jitter(fmt.Sprintf("D-%06d", i), 3)*10)]++
	}
	for i, n := range tenths {
		require.InDelta(t, 1000, n, 200, "tenth %d", i)
	}
}

func TestSourceReadsNoClock(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".go") && !strings.HasSuffix(f.Name(), "_test.go") {
			b, err := os.ReadFile(f.Name())
			require.NoError(t, err)
			require.NotContains(t, string(b), "time.Now", f.Name())
		}
	}
}
