package receiver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"natlims/reports"
	"natlims/reports/send"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	secret = []byte("a secret of the test, long enough")
	now    = time.Date(2020, 11, 21, 12, 31, 0, 0, time.UTC)
)

// department is a receiver that runs, and the way to it.
type department struct {
	*Receiver
	out  *send.Outbound
	to   send.Destination
	path string // of the ledger
}

func open(t *testing.T, change func(*Config)) *department {
	t.Helper()
	c := Config{Secret: secret, Ledger: filepath.Join(t.TempDir(), "ledger.jsonl"), Now: func() time.Time { return now }}
	if change != nil {
		change(&c)
	}
	r, err := Open(c)
	require.NoError(t, err)
	server := httptest.NewServer(r)
	d := &department{Receiver: r, out: &send.Outbound{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, path: c.Ledger,
		to: send.Destination{ID: "cdc", Channel: "webhook", Address: server.URL, Secret: secret}}
	t.Cleanup(func() {
		d.out.Close()
		server.Close()
		require.NoError(t, r.Close())
	})
	return d
}

// parcel is a delivery with so many results, rendered as the line renders them.
func parcel(t *testing.T, id string, results int) send.Parcel {
	t.Helper()
	r := reports.Report{ID: "R-" + id, Issued: now}
	for i := range results {
		r.Results = append(r.Results, reports.Result{OrderID: fmt.Sprintf("%s/%d", id, i), OrderNo: int64(i), Version: 1, Call: "negative"})
	}
	f, _ := reports.FormatNamed("json")
	b, err := f.Render(r)
	require.NoError(t, err)
	return send.Parcel{ID: id, Attempt: 1, Type: f.Type, Name: f.FileName(r), Bytes: b, Created: now, At: now}
}

func (d *department) send(t *testing.T, p send.Parcel) (send.Receipt, error) {
	return d.out.Send(t.Context(), d.to, p)
}

func (d *department) lines(t *testing.T) []Line {
	t.Helper()
	raw, err := os.ReadFile(d.path)
	require.NoError(t, err)
	lines, torn, err := Parse(raw)
	require.NoError(t, err)
	require.Zero(t, torn)
	return lines
}

func TestReportIsKeptAndAcknowledgedAtOnce(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	r, err := d.send(t, parcel(t, "D-1", 2))
	require.NoError(t, err)
	require.True(t, r.Accepted)
	require.True(t, r.Acknowledged)
	require.Equal(t, []Line{
		{Delivery: "D-1", Order: "D-1/0", OrderNo: 0, Version: 1, Call: "negative", Of: 2, At: now},
		{Delivery: "D-1", Order: "D-1/1", OrderNo: 1, Version: 1, Call: "negative", Of: 2, At: now},
	}, d.lines(t))
}

func TestRepeatsAreDropped(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for range 3 {
		r, err := d.send(t, parcel(t, "D-1", 2))
		require.NoError(t, err)
		require.True(t, r.Acknowledged, "a repeat is acknowledged like the first")
	}
	require.Len(t, d.lines(t), 2)
	require.Equal(t, Counts{Requests: 3, Repeats: 2, Deliveries: 1, Results: 2}, d.Counts())
}

func TestForgedAndReplayedAreRefused(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	forged := *d
	forged.to.Secret = []byte("another secret, long enough too")
	_, err := forged.send(t, parcel(t, "D-1", 1))
	require.ErrorIs(t, err, send.Permanent)
	require.ErrorContains(t, err, "401")

	replayed := parcel(t, "D-2", 1)
	replayed.At = now.Add(-time.Hour)
	_, err = d.send(t, replayed)
	require.ErrorIs(t, err, send.Permanent)

	empty := parcel(t, "D-3", 1)
	empty.Bytes = []byte(`{"results":[]}`)
	_, err = d.send(t, empty)
	require.ErrorContains(t, err, "422")
	require.Empty(t, d.lines(t))
	require.Equal(t, 3, d.Counts().Refused)
}

func TestOtherFormatsAreKeptWithoutResults(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	p := parcel(t, "D-1", 1)
	p.Type, p.Bytes = "application/pdf", []byte("%PDF-")
	_, err := d.send(t, p)
	require.NoError(t, err)
	require.Equal(t, []Line{{Delivery: "D-1", Of: 1, At: now}}, d.lines(t))
}

// A notice is kept as one, and is no result.
func TestNoticeIsKept(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	n := reports.Notice{ID: "D-9", No: 7, Kind: reports.Recall, Reason: "not_negative", Issued: now, Barcode: "SN1", Mode: "mixed10", CollectBy: now.Add(time.Hour),
		Persons: []reports.NoticePerson{{OrderID: "o1", OrderNo: 1}, {OrderID: "o2", OrderNo: 2}}}
	b, mime, ext, err := n.Render("json")
	require.NoError(t, err)
	r, err := d.send(t, send.Parcel{ID: "D-9", Attempt: 1, Type: mime, Name: "D-9." + ext, Bytes: b, Created: now, At: now, Urgent: true})
	require.NoError(t, err)
	require.True(t, r.Acknowledged)
	require.Equal(t, []Line{{Delivery: "D-9", Order: "o1", OrderNo: 1, Notice: "recall", Of: 2, At: now},
		{Delivery: "D-9", Order: "o2", OrderNo: 2, Notice: "recall", Of: 2, At: now}}, d.lines(t))
}

// Down for a while, answers lost: in the end everything is there once.
func TestTroubleLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for i, trouble := range []Trouble{{Status: 503, Requests: 2}, {Hangup: true, Requests: 2}, {Forget: true, Requests: 2}, {Delay: time.Millisecond, Requests: 2}, {}} {
		d.Set(trouble)
		p := parcel(t, fmt.Sprintf("D-%d", i), 3)
		for p.Attempt = 1; ; p.Attempt++ {
			require.LessOrEqual(t, p.Attempt, 5)
			_, err := d.send(t, p)
			if err == nil {
				break
			}
			require.NotErrorIs(t, err, send.Permanent)
		}
	}
	require.Len(t, d.lines(t), 15)
	require.Equal(t, 5, d.Counts().Deliveries)
}

func TestAcknowledgesByCallingBack(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	heard := make(chan string, 10)
	laboratory := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if calls.Add(1) <= 2 {
			http.Error(w, "not yet", http.StatusNotFound) // the sender has not written down that it has sent
			return
		}
		heard <- q.Method + " " + q.URL.Path + " " + q.Header.Get("Authorization")
	}))
	defer laboratory.Close()
	d := open(t, func(c *Config) { c.Mode, c.Callback, c.Token = CallBack, laboratory.URL+"/", "token" })
	r, err := d.send(t, parcel(t, "D-1", 1))
	require.NoError(t, err)
	require.True(t, r.Accepted)
	require.False(t, r.Acknowledged)
	require.Equal(t, http.StatusAccepted, r.Status)
	require.Equal(t, "POST /api/v1/deliveries/D-1/acknowledge Bearer token", <-heard)
}

func TestLedgerOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	_, err := d.send(t, parcel(t, "D-1", 3))
	require.NoError(t, err)
	again := open(t, func(c *Config) { c.Ledger = d.path })
	r, err := again.send(t, parcel(t, "D-1", 3))
	require.NoError(t, err)
	require.True(t, r.Acknowledged)
	require.Equal(t, Counts{Requests: 1, Repeats: 1, Deliveries: 1, Results: 3}, again.Counts())
	require.Len(t, again.lines(t), 3)
}

// Cut at any byte, the ledger opens with the whole deliveries that it has, and what was cut off can come again.
func TestTornLedger(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for _, id := range []string{"D-1", "D-2"} {
		_, err := d.send(t, parcel(t, id, 2))
		require.NoError(t, err)
	}
	raw, err := os.ReadFile(d.path)
	require.NoError(t, err)
	first := bytes.Index(raw, []byte(`{"delivery":"D-2"`))
	path := filepath.Join(t.TempDir(), "torn")
	for cut := range raw {
		require.NoError(t, os.WriteFile(path, raw[:cut], 0o600))
		l, err := openLedger(path)
		require.NoError(t, err)
		_, whole := l.known["D-1"]
		require.Equal(t, cut >= first, whole, "cut at %d", cut)
		require.NotContains(t, l.known, "D-2")
		repeat, err := l.keep("D-2", []Line{{Delivery: "D-2", Of: 1}})
		require.NoError(t, err)
		require.False(t, repeat)
		require.NoError(t, l.close())
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		lines, torn, err := Parse(after)
		require.NoError(t, err)
		require.Zero(t, torn)
		require.Len(t, lines, 1+2*map[bool]int{true: 1}[cut >= first])
	}
}

func TestDamagedLedgerIsRefused(t *testing.T) {
	t.Parallel()
	one := func(id string, of int) string {
		b, err := json.Marshal(Line{Delivery: id, Of: of})
		require.NoError(t, err)
		return string(b) + "\n"
	}
	for _, raw := range []string{"junk\n", one("D-1", 1) + "junk\n" + one("D-2", 1), one("D-1", 2) + one("D-2", 1), one("D-1", 0)} {
		_, _, err := Parse([]byte(raw))
		require.Error(t, err, raw)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	parcels := make([]send.Parcel, 20)
	for i := range parcels {
		parcels[i] = parcel(t, fmt.Sprintf("D-%d", i), 2)
	}
	errs := make(chan error, 2*len(parcels))
	var group sync.WaitGroup
	for _, p := range append(parcels, parcels...) {
		group.Go(func() {
			_, err := d.send(t, p)
			errs <- err
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, Counts{Requests: 40, Repeats: 20, Deliveries: 20, Results: 40}, d.Counts())
	require.Len(t, d.lines(t), 40)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"delivery":"D-1","of":2}` + "\n" + `{"delivery":"D-1","of":2}` + "\n" + `{"del`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		lines, torn, err := Parse(raw)
		if err != nil {
			return
		}
		again, rest, err := Parse(raw[:len(raw)-torn])
		if err != nil || rest != 0 || len(again) != len(lines) {
			t.Fatalf("%d lines, then %d with %d bytes torn: %v", len(lines), len(again), rest, err)
		}
	})
}

func BenchmarkKeep(b *testing.B) {
	l, err := openLedger(filepath.Join(b.TempDir(), "ledger"))
	require.NoError(b, err)
	defer l.close()
	var n atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id := fmt.Sprint(n.Add(1))
			if _, err := l.keep(id, []Line{{Delivery: id, Of: 1}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
