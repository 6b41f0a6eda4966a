package store_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

func (l *lab) keep(instrument int64, b string, complete bool) store.Kept {
	l.t.Helper()
	k, err := l.st.KeepMessage(l.ctx, store.Arrival{Instrument: instrument, Line: "folder", Peer: "/data", Name: "a.txt", Bytes: []byte(b), Complete: complete})
	require.NoError(l.t, err)
	return k
}

func TestTheSameBytesTwiceAreOneMessage(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	raw := "H|\\^&\r\x00\xff\r\n"
	a := l.keep(l.inst, raw, true)
	require.False(t, a.Repeat)
	l.clock.step(time.Minute)
	b := l.keep(l.inst, raw, true)
	require.Equal(t, store.Kept{ID: a.ID, Repeat: true, State: lims.Kept}, b)
	require.Equal(t, []byte(raw), get[[]byte](l, `SELECT bytes FROM messages WHERE id = $1`, a.ID), "byte for byte")
	require.Equal(t, 2, get[int](l, `SELECT count(*) FROM arrivals WHERE message_id = $1`, a.ID), "seen twice")
	require.Equal(t, l.clock.now(), get[time.Time](l, `SELECT last_message_at FROM instruments WHERE id = $1`, l.inst).UTC())
	require.NotEqual(t, a.ID, l.keep(l.inst2, raw, true).ID, "another instrument says what it says")
	require.NotEqual(t, a.ID, l.keep(0, raw, true).ID, "so does an unknown sender")
	require.NotEqual(t, a.ID, l.keep(l.inst, raw+" ", true).ID)
	require.NoError(t, l.st.FailMessage(l.ctx, a.ID, "x", "format.unknown", nil))
	require.Equal(t, lims.Failed, l.keep(l.inst, raw, true).State, "a repeat tells where the message stands")
	_, err := l.st.KeepMessage(l.ctx, store.Arrival{Instrument: l.inst, Complete: true})
	refused(t, err, lims.Invalid, "message.size")
	_, err = l.st.KeepMessage(l.ctx, store.Arrival{Instrument: 987654, Bytes: []byte("x"), Complete: true})
	refused(t, err, lims.NotFound, "not_found")
}

func TestTheSameBytesAtOnceAreOneMessage(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	kept := make([]store.Kept, 8)
	var work []func() error
	for i := range kept {
		work = append(work, func() (err error) {
			kept[i], err = l.st.KeepMessage(l.ctx, store.Arrival{Instrument: l.inst, Line: "push", Bytes: bytes.Repeat([]byte("x"), 1000), Complete: true})
			return err
		})
	}
	for _, err := range together(work...) {
		require.NoError(t, err)
	}
	first := 0
	for _, k := range kept {
		require.Equal(t, kept[0].ID, k.ID)
		if !k.Repeat {
			first++
		}
	}
	require.Equal(t, 1, first)
	require.Equal(t, 8, get[int](l, `SELECT count(*) FROM arrivals`))
}

// A transmission that broke off is shown and never read; when the whole one comes with the same bytes, that one is read.
func TestHalfAMessageIsNotTheMessage(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	half := l.keep(l.inst, "H P O R", false)
	require.Equal(t, lims.Failed, half.State)
	require.True(t, l.keep(l.inst, "H P O R", false).Repeat)
	refused(t, l.st.RetryMessage(l.ctx, l.chief, half.ID), lims.Invalid, "message.incomplete")
	require.NoError(t, l.st.IgnoreMessage(l.ctx, l.tech, half.ID, "it was sent again"))
	whole := l.keep(l.inst, "H P O R", true)
	require.NotEqual(t, half.ID, whole.ID)
	require.Equal(t, lims.Kept, whole.State)
	rows, err := l.st.KeptMessages(l.ctx, 0, 10)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, whole.ID, rows[0].ID)
}

func TestMessageStations(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	failed, parked := l.keep(l.inst, "1", true).ID, l.message("2")
	require.NoError(t, l.st.FailMessage(l.ctx, failed, "cfx", "format.unknown", lims.Args{"line": 3}))
	refused(t, l.st.FailMessage(l.ctx, failed, "cfx", "format.unknown", nil), lims.Conflict, "state.moved")
	require.NoError(t, l.st.ParkMessage(l.ctx, parked, "cfx", "plate.unknown", lims.Args{"plate": "P-9"}))
	refused(t, l.st.IgnoreMessage(l.ctx, l.tech, failed, " "), lims.Invalid, "reason.needed")
	refused(t, l.st.IgnoreMessage(l.ctx, l.desk, failed, "x"), lims.Denied, "role.needed")
	refused(t, l.st.IgnoreMessage(l.ctx, l.east, failed, "x"), lims.NotFound, "not_found")
	refused(t, l.st.IgnoreMessage(l.ctx, l.root, 987654, "x"), lims.NotFound, "not_found")
	require.NoError(t, l.st.RetryMessage(l.ctx, l.tech, failed))
	refused(t, l.st.RetryMessage(l.ctx, l.tech, failed), lims.Conflict, "state.moved")
	rows, err := l.st.KeptMessages(l.ctx, 0, 10)
	require.NoError(t, err)
	require.Len(t, rows, 1)

	p := l.running(l.received(1, lims.Single))
	refused(t, l.st.BindMessage(l.ctx, l.tech, parked.ID, p.ID), lims.Denied, "role.needed")
	refused(t, l.st.BindMessage(l.ctx, l.chief, parked.ID, 987654), lims.NotFound, "plate.unknown")
	refused(t, l.st.BindMessage(l.ctx, l.east, parked.ID, p.ID), lims.NotFound, "not_found")
	refused(t, l.st.BindMessage(l.ctx, l.chief, failed, p.ID), lims.Conflict, "state.moved")
	foreign := l.keep(l.inst2, "3", true)
	require.NoError(t, l.st.ParkMessage(l.ctx, store.Message{ID: foreign.ID, State: lims.Kept}, "", "plate.unknown", nil))
	refused(t, l.st.BindMessage(l.ctx, l.chief, foreign.ID, p.ID), lims.Conflict, "state.moved") // another laboratory's instrument did not read this plate
	require.NoError(t, l.st.BindMessage(l.ctx, l.chief, parked.ID, p.ID))
	rows, err = l.st.KeptMessages(l.ctx, 0, 10)
	require.NoError(t, err)
	require.Len(t, rows, 2, "a bound message waits to be judged")
	require.Equal(t, p.ID, rows[1].Plate)
	rows[1].Lab = l.one
	j := l.judged(p, nil)
	require.NoError(t, l.st.Record(l.ctx, rows[1], "cfx", []store.Judged{j}))
	require.Equal(t, "recorded", get[string](l, `SELECT state FROM messages WHERE id = $1`, parked.ID))
	refused(t, l.st.IgnoreMessage(l.ctx, l.tech, parked.ID, "too late"), lims.Conflict, "state.moved")
}

// Somebody who listens is woken; the rows are the truth all the same.
func TestListenWakes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ctx, stop := context.WithCancel(l.ctx)
	woken := make(chan struct{}, 100)
	over := make(chan error, 1)
	go func() { over <- l.st.Listen(ctx, func() { woken <- struct{}{} }, store.NotifyMessages) }()
	require.Eventually(t, func() bool { // until the listener is up
		l.keep(l.inst, "x", true)
		return len(woken) > 0
	}, 10*time.Second, 10*time.Millisecond)
	stop()
	require.ErrorIs(t, <-over, context.Canceled)
}
