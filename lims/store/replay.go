package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
)

// A replay reads kept messages again, after a driver was mended or a mapping written. It shows what would change before it changes
// anything; what it then writes stands beside what was recorded, and what a kit would call otherwise is a dispute that a person
// settles. It touches no result.

// Replay is what reading one message again gives.
type Replay struct {
	Message  int64           `json:"message"`
	State    lims.State      `json:"state"`
	Driver   string          `json:"driver"` // that read it now
	Code     string          `json:"code,omitempty"`
	Args     lims.Args       `json:"args,omitempty"` // of the code: why it cannot be read, or would be parked
	Readings int             `json:"readings"`
	Added    int             `json:"added"`
	Removed  int             `json:"removed"`
	Changed  int             `json:"changed"`
	Changes  []ReadingChange `json:"changes,omitempty"` // the first MaxChanges
	Calls    []CallChange    `json:"calls,omitempty"`   // what the kits would call otherwise
	Applied  string          `json:"applied,omitempty"` // "version": written beside; "again": the line reads it; "" nothing
}

// Same says that reading the message again changes nothing.
func (r Replay) Same() bool {
	return r.Added+r.Removed+r.Changed+len(r.Calls) == 0 && r.State == lims.Recorded && r.Code == ""
}

// MaxChanges bounds the changes that are listed; all are counted.
const MaxChanges = 200

// ReadingChange is a reading that is new (Old ""), gone (New "") or says something else.
type ReadingChange struct {
	Well   string `json:"well"`
	Sample string `json:"sample"`
	Target string `json:"target"`
	Old    string `json:"old"`
	New    string `json:"new"`
}

// CallChange is a well that a kit would call otherwise.
type CallChange struct {
	Plate string `json:"plate"`
	Pos   string `json:"pos"`
	Code  string `json:"code"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// ReplayRange says which messages; zero fields do not narrow.
type ReplayRange struct {
	From, To     int64 // ids, both included
	Since, Until time.Time
	Instrument   int64
	Driver       string // that read it
	State        lims.State
}

// ReplayIDs lists the messages of a range by id, at most n after the given one. What was put aside is left in peace.
func (s *Store) ReplayIDs(ctx context.Context, q ReplayRange, after int64, n int) ([]int64, error) {
	return list[int64](ctx, s, `SELECT id FROM messages WHERE id > $1 AND id >= $2 AND ($3 = 0 OR id <= $3)
			AND ($4::timestamptz IS NULL OR kept_at >= $4) AND ($5::timestamptz IS NULL OR kept_at < $5)
			AND ($6 = 0 OR instrument_id = $6) AND ($7 = '' OR driver = $7) AND ($8 = '' OR state = $8) AND state IN ('recorded','failed','parked')
		ORDER BY id LIMIT $9`, after, q.From, q.To, instantOrNull(q.Since), instantOrNull(q.Until), q.Instrument, q.Driver, string(q.State), n)
}

func instantOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// MessageToRead is one message with what reading it takes, whatever its state.
func (s *Store) MessageToRead(ctx context.Context, sc Scope, id int64) (Message, error) {
	return single[Message](ctx, s, `SELECT `+readColumns+` WHERE m.id = $1 AND ($2 = 0 OR m.lab_id = $2 OR m.lab_id IS NULL)`, id, sc.Lab)
}

// ActorNamed is the person with a login, for commands that people give on the server.
func (s *Store) ActorNamed(ctx context.Context, login string) (lims.Actor, error) {
	var row actorRow
	err := s.db.GetContext(ctx, &row, `SELECT `+actorColumns+`, '{}'::text[] AS scopes FROM actors a WHERE a.login = lower($1) AND a.active`, login)
	if missing(err) {
		return lims.Actor{}, lims.E(lims.NotFound, "actor.unknown", lims.Args{"login": login})
	}
	return row.actor(), mapped(ctx, err)
}

// RecordedRun is a run as it was recorded, with what was said and called.
type RecordedRun struct {
	ID       int64  `db:"id"`
	Plate    int64  `db:"plate"`
	Code     string `db:"code"` // of the plate
	Accepted bool   `db:"accepted"`
	Part     bool   `db:"part"` // a further run beside the one that counts: it need not speak of every well
	Readings []pcr.Reading
	Calls    map[string]string // by position, as callWord
	Codes    map[string]string // of the tubes or pools in them
	History  map[lims.Tested]pcr.Context
	Tests    map[Test]bool // of an analyser without plates
}

// RecordedRuns gives the runs of a message that count: those that no replay stands beside.
func (s *Store) RecordedRuns(ctx context.Context, message int64) ([]RecordedRun, error) {
	runs, err := list[RecordedRun](ctx, s, `SELECT r.id, coalesce(r.plate_id, 0) AS plate, coalesce(p.code, '') AS code, r.accepted,
			p.id IS NOT NULL AND $1 NOT IN (SELECT message_id FROM runs WHERE plate_id = p.id AND replays IS NULL) AS part
		FROM runs r LEFT JOIN plates p ON p.id = r.plate_id
		WHERE r.message_id = $1 AND r.id NOT IN (SELECT replays FROM runs WHERE message_id = $1 AND replays IS NOT NULL) ORDER BY r.part`, message)
	for i := range runs {
		if err == nil {
			err = s.recorded(ctx, &runs[i])
		}
	}
	return runs, err
}

func (s *Store) recorded(ctx context.Context, r *RecordedRun) error {
	rows, err := list[struct {
		Well   string   `db:"well"`
		Sample string   `db:"sample"`
		Target string   `db:"target"`
		Dye    string   `db:"dye"`
		State  string   `db:"state"`
		Cq     *float64 `db:"cq"`
		Call   string   `db:"call"`
		Task   string   `db:"task"`
		Status string   `db:"status"`
		Value  string   `db:"value"`
		Unit   string   `db:"unit"`
		Omit   bool     `db:"omit"`
	}](ctx, s, `SELECT well, sample, target, dye, state, cq, call, task, status, value, unit, omit FROM readings WHERE run_id = $1 ORDER BY seq`, r.ID)
	if err != nil {
		return err
	}
	for _, d := range rows {
		g := pcr.Reading{Well: d.Well, Sample: d.Sample, Target: d.Target, Dye: d.Dye, State: pcr.State(d.State), Call: d.Call, Task: d.Task,
			Status: d.Status, Value: d.Value, Unit: d.Unit, Omit: d.Omit}
		if d.Cq != nil {
			g.Cq = *d.Cq
		}
		r.Readings = append(r.Readings, g)
	}
	calls, err := list[struct {
		Pos     string `db:"pos"`
		Code    string `db:"code"`
		Call    string `db:"call"`
		Invalid bool   `db:"invalid"`
	}](ctx, s, `SELECT pos, code, call, invalid FROM calls WHERE run_id = $1`, r.ID)
	if err != nil {
		return err
	}
	r.Calls, r.Codes = make(map[string]string, len(calls)), make(map[string]string, len(calls))
	for _, c := range calls {
		r.Calls[c.Pos], r.Codes[c.Pos] = callWord(c.Call, c.Invalid), c.Code
	}
	before, err := s.attempts(ctx, past{`SELECT DISTINCT sample_id, kit_key FROM calls WHERE run_id = $1 AND sample_id IS NOT NULL`, `u.id < $1`, `f.run_id < $1`}, r.ID)
	if err != nil {
		return err
	}
	r.History = make(map[lims.Tested]pcr.Context, len(before))
	for _, a := range before {
		r.History[lims.Tested{Code: a.Barcode, Kit: a.Kit}] = a.context("")
	}
	tests, err := list[Test](ctx, s, `WITH RECURSIVE chain AS (SELECT $1::bigint AS id UNION SELECT u.replays FROM runs u JOIN chain c ON c.id = u.id WHERE u.replays IS NOT NULL)
		SELECT barcode, mark FROM cartridges WHERE run_id IN (SELECT id FROM chain)`, r.ID)
	r.Tests = make(map[Test]bool, len(tests))
	for _, t := range tests {
		r.Tests[t] = true
	}
	return err
}

// Differ lists the wells that a verdict calls otherwise than the run did, and those that it does not call any more.
func (r RecordedRun) Differ(v lims.Verdict) (out []CallChange) {
	seen := make(map[string]bool, len(v.Wells))
	for _, w := range v.Wells {
		pos := w.Pos.String()
		seen[pos] = true
		if was, now := r.Calls[pos], callWord(w.Call.Call, w.Invalid); was != now {
			out = append(out, CallChange{Plate: r.Code, Pos: pos, Code: w.Code, Old: was, New: now})
		}
	}
	for _, pos := range slices.Sorted(maps.Keys(r.Calls)) {
		if !seen[pos] {
			out = append(out, CallChange{Plate: r.Code, Pos: pos, Code: r.Codes[pos], Old: r.Calls[pos]})
		}
	}
	return out
}

// callWord is a call in one word; a call that a failed control covers is none.
func callWord(call string, invalid bool) string {
	if invalid {
		return "control_failed"
	}
	return call
}

// RecordReplay writes the runs of a replay beside those that they read again, and a dispute for each well that is called otherwise.
// Results, tubes and plates stay as they are.
func (s *Store) RecordReplay(ctx context.Context, by lims.Actor, m Message, judged []Judged, old map[int64]RecordedRun) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		for _, j := range judged {
			run, tubes, err := x.insertBeside(m, j)
			if err != nil {
				return err
			}
			if err := x.dispute(run, tubes, old[j.Replays].Differ(j.Verdict)); err != nil {
				return err
			}
		}
		x.note("replay", "message", m.ID, map[string]any{"runs": len(judged)})
		return nil
	})
}

// insertBeside writes a run that no result rests on.
func (x *tx) insertBeside(m Message, j Judged) (run int64, tubes map[string]tube, err error) {
	if run, err = x.insertRun(m, x.part(m), j); err != nil {
		return 0, nil, err
	}
	if err := x.insertReadings(run, j.Run.Readings); err != nil {
		return 0, nil, err
	}
	if err := x.insertCurves(run, j.Run.Curves); err != nil {
		return 0, nil, err
	}
	if tubes, err = x.tubes(j.Plate); err != nil {
		return 0, nil, err
	}
	return run, tubes, x.insertCalls(run, j.Verdict.Wells, tubes)
}

// dispute asks a person what a run means that calls wells otherwise.
func (x *tx) dispute(run int64, tubes map[string]tube, changes []CallChange) error {
	var pos, codes, before, after []string
	var samples []int64
	for _, c := range changes {
		pos, codes, before, after = append(pos, c.Pos), append(codes, c.Code), append(before, c.Old), append(after, c.New)
		samples = append(samples, tubes[c.Code].ID)
	}
	if len(pos) == 0 {
		return nil
	}
	return x.exec(`INSERT INTO disputes (run_id, lab_id, pos, code, sample_id, old_call, new_call, released, raised_at)
		SELECT $1, (SELECT lab_id FROM runs WHERE id = $1), p, c, nullif(s, 0), o, n,
			s IN (SELECT sample_id FROM results WHERE sample_id = ANY($6) AND state IN ('released','superseded')), $7
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) AS t (p, c, o, n, s)`,
		run, pq.Array(pos), pq.Array(codes), pq.Array(before), pq.Array(after), pq.Array(samples), x.now)
}

// Dispute is a well that a replay would call otherwise, or a further test of what has its result.
type Dispute struct {
	ID        int64      `db:"id"`
	Message   int64      `db:"message_id"`
	Plate     string     `db:"plate"`
	Pos       string     `db:"pos"`
	Code      string     `db:"code"`
	Old       string     `db:"old_call"`
	New       string     `db:"new_call"`
	Released  bool       `db:"released"`
	RaisedAt  time.Time  `db:"raised_at"`
	SettledAt *time.Time `db:"settled_at"`
	Reason    string     `db:"reason"`
}

// Disputes lists what replays called otherwise, released results first: open ones, or of one message.
func (s *Store) Disputes(ctx context.Context, sc Scope, message int64) ([]Dispute, error) {
	return list[Dispute](ctx, s, `SELECT d.id, r.message_id, coalesce(p.code,'') AS plate, d.pos, d.code, d.old_call, d.new_call, d.released, d.raised_at,
			d.settled_at, d.reason
		FROM disputes d JOIN runs r ON r.id = d.run_id LEFT JOIN plates p ON p.id = r.plate_id
		WHERE ($1 = 0 OR d.lab_id = $1) AND CASE WHEN $2 = 0 THEN d.settled_at IS NULL ELSE r.message_id = $2 END
		ORDER BY d.released DESC, d.id DESC LIMIT 500`, sc.Lab, message)
}

// SettleDispute says what a person made of a difference: that the result stands, or what was done about it.
func (s *Store) SettleDispute(ctx context.Context, by lims.Actor, id int64, reason string) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	if reason == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	return s.do(ctx, by, func(x *tx) error {
		n, err := x.count(`UPDATE disputes SET settled_at = $2, settled_by = $3, reason = $4
			WHERE id = $1 AND settled_at IS NULL AND ($5 = 0 OR lab_id = $5)`, id, x.now, by.ID, reason, by.Lab)
		if err == nil && n == 0 {
			err = lims.E(lims.Conflict, "state.moved", lims.Args{"what": "disputes", "event": "settle", "ids": []int64{id}})
		}
		x.note("settle", "dispute", id, nil)
		return err
	})
}
