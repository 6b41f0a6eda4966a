package store_test

import (
	"strings"

	"github.com/stretchr/testify/require"

	"natlims/lims"
)

// watch has the database write down every state that a row takes on, and every audit row, with the transaction that did it.
// verify holds what happened in a test against the transition tables and the promise that nothing changes without an audit row.
func (l *lab) watch() {
	l.exec(`CREATE TABLE watched (seq bigserial, tx xid8 NOT NULL, what text NOT NULL, id bigint NOT NULL, was text, now text NOT NULL)`)
	l.exec(`CREATE TABLE noted (tx xid8 NOT NULL, entity text NOT NULL, key bigint NOT NULL)`)
	l.exec(`CREATE FUNCTION watch_state() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF TG_OP = 'INSERT' THEN
				INSERT INTO watched (tx, what, id, was, now) VALUES (pg_current_xact_id(), TG_TABLE_NAME, (to_jsonb(NEW)->>TG_ARGV[0])::bigint, NULL, NEW.state);
			ELSIF NEW.state <> OLD.state THEN
				INSERT INTO watched (tx, what, id, was, now) VALUES (pg_current_xact_id(), TG_TABLE_NAME, (to_jsonb(NEW)->>TG_ARGV[0])::bigint, OLD.state, NEW.state);
			END IF;
			RETURN NULL;
		END $$`)
	l.exec(`CREATE FUNCTION watch_audit() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO noted VALUES (pg_current_xact_id(), NEW.entity, NEW.key); RETURN NULL; END $$`)
	for _, m := range machines {
		key := "id"
		if m.table == "deliveries" {
			key = "seq"
		}
		l.exec(`CREATE TRIGGER watch AFTER INSERT OR UPDATE ON ` + m.table + ` FOR EACH ROW EXECUTE FUNCTION watch_state('` + key + `')`)
	}
	l.exec(`CREATE TRIGGER watch AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION watch_audit()`)
}

// machine is a table of the schema with the states in which its rows begin.
type machine struct {
	table, entity string
	moves         lims.Table[lims.State, lims.Event]
	births        string // a person takes a filled tube down, not an empty one; a result that somebody must look at begins as held; a broken message as failed
}

var machines = []machine{
	{"orders", "order", lims.OrderMoves, "open"},
	{"samples", "sample", lims.SampleMoves, "registered collected"},
	{"plates", "plate", lims.PlateMoves, "open"},
	{"results", "result", lims.ResultMoves, "called held"},
	{"pools", "pool", lims.PoolMoves, "planned"},
	{"messages", "message", lims.MessageMoves, "kept failed"},
	{"deliveries", "delivery", lims.DeliveryMoves, "queued"},
}

func (l *lab) verify() {
	l.t.Helper()
	for _, m := range machines {
		var rows []struct {
			ID    int64   `db:"id"`
			Was   *string `db:"was"`
			Now   string  `db:"now"`
			Noted bool    `db:"noted"`
		}
		require.NoError(l.t, l.st.DB().SelectContext(l.ctx, &rows, `SELECT id, was, now, EXISTS (SELECT FROM noted n WHERE n.tx = w.tx AND n.entity = $2 AND n.key = w.id) AS noted
			FROM watched w WHERE what = $1 ORDER BY seq`, m.table, m.entity))
		for _, r := range rows {
			if r.Was == nil {
				require.Contains(l.t, strings.Fields(m.births), r.Now, "a row of %s begins as", m.table)
			} else {
				require.True(l.t, m.allows(*r.Was, r.Now), "%s %d went from %s to %s: there is no such arrow", m.table, r.ID, *r.Was, r.Now)
			}
			switch { // the program's own steps stand in the rows: arrivals, tries, receipts
			case m.table == "deliveries", m.table == "messages" && r.Was == nil:
			default:
				require.True(l.t, r.Noted, "%s %d became %s without an audit row", m.table, r.ID, r.Now)
			}
		}
	}
}

func (m machine) allows(from, to string) bool {
	for _, a := range m.moves {
		if string(a.From) == from && string(a.To) == to {
			return true
		}
	}
	return false
}
