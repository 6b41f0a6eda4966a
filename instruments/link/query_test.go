package link

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func orders(_ context.Context, q Query) ([]Order, error) {
	var all []Order
	for i, s := range q.Samples {
		if s == "none" {
			continue
		}
		if s == "broken" {
			return nil, errors.New("no database")
		}
		all = append(all, Order{Sample: s, Patient: q.Patients[i], Tests: []string{"COV"}})
	}
	return all, nil
}

const ask = "H|@^\\|1||GeneXpert^1^6.2\rQ|1|P-1^S-1||||||||||O@N\rL|1|N\r"

func TestASTMQuery(t *testing.T) {
	t.Parallel()
	k := &tray{}
	piped(t, Line{Protocol: ASTM}, Options{Keep: k.keep, Answer: orders}, func(c caller, e *end, _ func()) {
		c.send(ask)
		c.hear("\x05")
		c.say("\x06")
		text := c.until('\n')
		require.Contains(c.t, text, "H|@^\\|")
		require.Contains(c.t, text, "|S-1|")
		require.Contains(c.t, text, "^^^COV|")
		require.Contains(c.t, text, "L|1|F")
		c.say("\x06")
		c.hear("\x04")
		synctest.Wait()
		h := e.health.snapshot()
		require.Equal(c.t, int64(1), h.Queries)
		require.Equal(c.t, int64(1), h.Sent)
	})
	require.Empty(t, k.texts(), "a question is no result")
}

func TestASTMQueryForNothing(t *testing.T) {
	t.Parallel()
	piped(t, Line{Protocol: ASTM}, Options{Keep: (&tray{}).keep, Answer: orders}, func(c caller, _ *end, _ func()) {
		c.send("H|\\^&\rQ|1|^none\rL|1\r")
		c.hear("\x05")
		c.say("\x06")
		require.Contains(c.t, c.until('\n'), "L|1|I")
		c.say("\x06")
		c.hear("\x04")
	})
}

// A question that was withdrawn is not answered; one whose answer is not to be had is told so, which is not "no orders".
func TestASTMQueryWithdrawn(t *testing.T) {
	t.Parallel()
	var release chan struct{} // made inside the bubble
	slow := func(ctx context.Context, q Query) ([]Order, error) {
		<-release
		return orders(ctx, q)
	}
	piped(t, Line{Protocol: ASTM}, Options{Keep: (&tray{}).keep, Answer: slow}, func(c caller, e *end, _ func()) {
		release = make(chan struct{})
		c.send(ask)
		c.send("H|@^\\|2||GeneXpert\rQ|1|P-1^S-1||||||||||A\rL|1|N\r")
		close(release)
		synctest.Wait()
		c.send(message) // nothing was sent to the instrument: the line is free
		c.send("H|@^\\|3||GeneXpert\rQ|1|^broken||||||||||O\rL|1|N\r")
		c.hear("\x05")
		c.say("\x06")
		require.Contains(c.t, c.until('\n'), "L|1|Q")
		c.say("\x06")
		c.hear("\x04")
		synctest.Wait()
		h := e.health.snapshot()
		require.Contains(c.t, h.LastError, "no database")
		require.Equal(c.t, reasonQuery, h.ErrorCode)
		require.Equal(c.t, int64(1), h.Faults["query.unanswered"])
	})
}

func TestQueryIsKeptWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	k := &tray{}
	piped(t, Line{Protocol: ASTM}, Options{Keep: k.keep}, func(c caller, _ *end, _ func()) { c.send(ask) })
	require.Equal(t, []string{ask}, k.texts())
}

func TestResultsBesideAQueryAreKept(t *testing.T) {
	t.Parallel()
	const both = "H|\\^&\rP|1\rO|1|S-1\rR|1|^^^N|1\rQ|1|^S-2\rL|1\r"
	k := &tray{}
	piped(t, Line{Protocol: ASTM}, Options{Keep: k.keep, Answer: orders}, func(c caller, _ *end, _ func()) { c.send(both) })
	require.Equal(t, []string{both}, k.texts())
}

func TestHL7QueryThatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	piped(t, Line{Protocol: HL7}, Options{Keep: (&tray{}).keep, Answer: orders}, func(c caller, _ *end, _ func()) {
		c.say("\x0bMSH|^~\\&|GeneXpert||LIS||20260101||QBP^Z03|Q-1|P|2.5|||AL|NE\rQPD|Z03^Host|T-1|P-1|broken\r\x1c\r")
		require.Contains(c.t, c.block(), "MSA|CA|Q-1")
		answer := c.block()
		require.Contains(c.t, answer, "RSP^Z02")
		require.Contains(c.t, answer, "MSA|AE|Q-1")
		require.Contains(c.t, answer, "QAK|T-1|AE|")
		c.say("\x0bMSH|^~\\&|c||L||20260101||QBP^Q11^QBP_Q11|Q-2|P|2.5.1|||NE|AL||UNICODE UTF-8|||LAB-27^IHE\rQPD|WOS^Work Order Step^IHELAW|T-2|broken\r\x1c\r")
		answer = c.block()
		require.Contains(c.t, answer, "RSP^K11")
		require.Contains(c.t, answer, "QAK|T-2|AE|")
		require.NotContains(c.t, answer, "ORC|DC", "nobody has looked whether there are orders")
	})
}

func TestHL7Query(t *testing.T) {
	t.Parallel()
	k := &tray{}
	piped(t, Line{Protocol: HL7}, Options{Keep: k.keep, Answer: orders}, func(c caller, e *end, _ func()) {
		c.say("\x0bMSH|^~\\&|GeneXpert||LIS||20260101||QBP^Z03|Q-1|P|2.5|||AL|NE\rQPD|Z03^Host|T-1|P-1|S-1\r\x1c\r")
		require.Contains(c.t, c.block(), "MSA|CA|Q-1")
		answer := c.block()
		require.Contains(c.t, answer, "RSP^Z02")
		require.Contains(c.t, answer, "|S-1")
		require.Contains(c.t, answer, "COV")
		c.say("\x0bMSH|^~\\&|c||L||20260101||QBP^Q11^QBP_Q11|Q-2|P|2.5.1|||NE|AL||UNICODE UTF-8|||LAB-27^IHE\rQPD|WOS^Work Order Step^IHELAW|T-2|S-2\r\x1c\r")
		require.Contains(c.t, c.block(), "RSP^K11")
		require.Contains(c.t, c.block(), "OML^O33")
		time.Sleep(time.Second)
		c.say("\x0bMSH|^~\\&|c||L||20260101||ORL^O34|A-1|P|2.5.1\rMSA|AA|x\r\x1c\r")
		synctest.Wait()
		require.Equal(c.t, int64(1), e.health.snapshot().Sent)
	})
	require.Empty(t, k.texts())
}
