package hl7

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func message(id, accept, app string) []byte {
	var b Builder
	b.Header(Head{ID: id, Type: []string{"OML", "O33", "OML_O33"}, Accept: accept, App: app})
	return b.Bytes()
}

func answer(t *testing.T, code, id string) Parsed {
	t.Helper()
	m, err := Parse("MSH|^~\\&|A||B||1||ACK|K|P|2.5\rMSA|" + code + "|" + id + "\r")
	require.NoError(t, err)
	return m
}

func TestSender(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		accept, app string
		answers     []string
		want        Kind
	}{
		{"", "", []string{"AA"}, Sent},
		{"", "", []string{"AE"}, Failed},
		{"AL", "NE", []string{"CA"}, Sent},
		{"AL", "NE", []string{"CR"}, Failed},
		{"AL", "AL", []string{"CA", "AA"}, Sent},
		{"NE", "AL", []string{"AA"}, Sent},
	} {
		s := NewSender()
		ev, err := s.Send(t0, message("m1", c.accept, c.app))
		require.NoError(t, err)
		require.Equal(t, Write, ev[0].Kind)
		require.Equal(t, byte(VT), ev[0].Bytes[0])
		for i, a := range c.answers {
			require.True(t, s.Busy())
			ev, mine := s.Take(t0, answer(t, a, "m1"))
			require.True(t, mine)
			if i == len(c.answers)-1 {
				require.Equal(t, c.want, ev[0].Kind, "%+v", c)
			} else {
				require.Empty(t, ev)
			}
		}
		require.False(t, s.Busy())
	}
	s := NewSender()
	ev, err := s.Send(t0, message("m1", "NE", "NE"))
	require.NoError(t, err)
	require.Equal(t, Sent, ev[1].Kind)
}

// TestLateAnswer is F15: the answer to an earlier message is never credited to another.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	s := NewSender()
	_, err := s.Send(t0, message("m2", "", ""))
	require.NoError(t, err)
	ev, mine := s.Take(t0, answer(t, "AA", "m1"))
	require.True(t, mine)
	require.Equal(t, Fault, ev[0].Kind)
	require.True(t, s.Busy())
	m, err := Parse(oru)
	require.NoError(t, err)
	_, mine = s.Take(t0, m)
	require.False(t, mine)
	_, err = s.Send(t0, message("m3", "", ""))
	require.ErrorIs(t, err, ErrBusy)
	require.Equal(t, CodeDropped, s.Drop()[0].Code)
	_, err = s.Send(t0, message("", "", ""))
	require.ErrorIs(t, err, ErrNoID)
}

func TestSenderRepeats(t *testing.T) {
	t.Parallel()
	s := NewSender()
	_, err := s.Send(t0, message("m1", "", ""))
	require.NoError(t, err)
	now, writes := t0, 1
	for s.Busy() {
		require.Empty(t, s.Expire(now.Add(-time.Second)))
		now = s.Deadline()
		for _, e := range s.Expire(now) {
			if e.Kind == Write {
				writes++
			} else {
				require.Equal(t, CodeSilent, e.Code)
			}
		}
	}
	require.Equal(t, MaxTries, writes)
	require.Equal(t, time.Duration(MaxTries)*AnswerTime, now.Sub(t0))

	_, err = s.Send(t0, message("m2", "AL", "NE"))
	require.NoError(t, err)
	ev, mine := s.Take(t0, answer(t, "CE", "m2"))
	require.True(t, mine)
	require.Empty(t, ev, "refused for now: sent again later")
	require.Equal(t, Write, s.Expire(t0.Add(AnswerTime))[0].Kind)
}
