package store

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// KitRow is one version of a kit on record.
type KitRow struct {
	ID         int64      `db:"id"`
	Key        string     `db:"key"`
	Status     string     `db:"status"`
	InsertHash string     `db:"insert_sha256"`
	InsertName string     `db:"insert_name"`
	UploadedBy string     `db:"uploaded_by"`
	ApprovedBy string     `db:"approved_by"`
	ApprovedAt *time.Time `db:"approved_at"`
	CreatedAt  time.Time  `db:"created_at"`
	Plates     int        `db:"plates"` // laid with it: from the first one on it is kept for ever
	Lots       int        `db:"lots"`   // that can be used now
}

// Usable says whether samples may be tested with this version.
func (k KitRow) Usable() bool { return k.Status == string(pcr.Verified) || k.ApprovedAt != nil }

const kitColumns = `k.id, k.key, k.status, k.insert_sha256, k.insert_name, coalesce(u.name,'') AS uploaded_by, coalesce(a.name,'') AS approved_by,
	k.approved_at, k.created_at, coalesce(p.n,0) AS plates, coalesce(l.n,0) AS lots
	FROM kits k LEFT JOIN actors u ON u.id = k.uploaded_by LEFT JOIN actors a ON a.id = k.approved_by
	LEFT JOIN (SELECT kit_key, count(DISTINCT plate_id) AS n FROM wells GROUP BY 1) p ON p.kit_key = k.key
	LEFT JOIN (SELECT kit_key, count(*) AS n FROM lots WHERE expires_on >= $1::date AND blocked_at IS NULL GROUP BY 1) l ON l.kit_key = k.key `

// Kits lists every version of every kit on record, newest first within a kit.
func (s *Store) Kits(ctx context.Context) ([]KitRow, error) {
	return list[KitRow](ctx, s, `SELECT `+kitColumns+`ORDER BY split_part(k.key,'@',1), k.id DESC LIMIT 1000`, s.Now())
}

// Kit reads one version with its rules.
func (s *Store) Kit(ctx context.Context, key string) (row KitRow, kit *pcr.Kit, err error) {
	if row, err = single[KitRow](ctx, s, `SELECT `+kitColumns+`WHERE k.key = $2`, s.Now(), key); err != nil {
		return row, nil, err
	}
	kits, err := s.kits(ctx, []string{key})
	return row, kits[key], err
}

// KitInUse is the version of a kit that a newer one is compared with: the newest other that may be used. nil: there is none.
func (s *Store) KitInUse(ctx context.Context, key string) (*pcr.Kit, error) {
	id, _, _ := strings.Cut(key, "@")
	keys, err := list[string](ctx, s, `SELECT key FROM kits WHERE split_part(key,'@',1) = $1 AND key <> $2
		AND (status = 'verified' OR approved_at IS NOT NULL) ORDER BY id DESC LIMIT 1`, id, key)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	kits, err := s.kits(ctx, keys)
	return kits[keys[0]], err
}

// AddKit puts a version of a kit on record. The body is kit/v1 YAML and must load; every fault is named with its line. What the
// file says of itself puts no kit into use: only a file that came with the program counts as verified, any other waits for
// ApproveKit. A version that is on record is never changed.
func (s *Store) AddKit(ctx context.Context, by lims.Actor, body []byte) (*pcr.Kit, error) {
	if err := need(by, lims.Admin, lims.Supervisor); err != nil {
		return nil, err
	}
	k, err := pcr.Load(body)
	if err != nil {
		return nil, &lims.Error{Kind: lims.Invalid, Code: "kit.unreadable", Args: lims.Args{"faults": KitFaults(body)}, Err: err}
	}
	status := pcr.Unverified
	if own, err := pcr.Find(k.ID); err == nil && own.Digest == k.Digest {
		status = own.Status
	}
	err = s.do(ctx, by, func(x *tx) error {
		var id int64
		err := x.one(&id, `INSERT INTO kits (created_at, key, body, status, uploaded_by) VALUES ($1,$2,$3,$4,nullif($5::bigint,0))
			ON CONFLICT (key) DO NOTHING RETURNING id`, x.now, k.Key(), string(body), string(status), by.ID)
		if missing(err) {
			return lims.E(lims.Conflict, "kit.version_taken", lims.Args{"kit": k.Key()})
		}
		x.note("add", "kit", id, map[string]any{"key": k.Key(), "sha256": k.Digest})
		return err
	})
	return k, err
}

// KitFaults lists what keeps a kit file from use, each with its line; nil where nothing does.
func KitFaults(body []byte) []string {
	k, err := pcr.Read(body)
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, f := range k.Check() {
		if !f.Warning {
			out = append(out, f.Error())
		}
	}
	return out
}

var sha256Text = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Insert is the manufacturer's document that a kit was compared with.
type Insert struct {
	Name   string // of the file
	SHA256 string // hex
}

// ApproveKit puts an unverified kit into use: a supervisor has read its insert, known by the hash of the document.
func (s *Store) ApproveKit(ctx context.Context, by lims.Actor, key, insertSHA256 string) error {
	return s.ApproveKitBy(ctx, by, key, Insert{SHA256: insertSHA256})
}

// ApproveKitBy is ApproveKit with the name of the document. An approval stands for ever: a wrong one is mended by a new version.
func (s *Store) ApproveKitBy(ctx context.Context, by lims.Actor, key string, doc Insert) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	doc.SHA256 = strings.ToLower(strings.TrimSpace(doc.SHA256))
	if !sha256Text.MatchString(doc.SHA256) {
		return lims.E(lims.Invalid, "kit.insert_hash", lims.Args{"got": doc.SHA256})
	}
	return s.do(ctx, by, func(x *tx) error {
		var row struct {
			ID       int64 `db:"id"`
			Approved bool  `db:"approved"`
		}
		err := x.one(&row, `SELECT id, approved_at IS NOT NULL AS approved FROM kits WHERE key = $1 FOR UPDATE`, key)
		switch {
		case missing(err):
			return lims.E(lims.NotFound, "kit.unknown", lims.Args{"kit": key})
		case err != nil:
			return err
		case row.Approved:
			return lims.E(lims.Conflict, "kit.approved", lims.Args{"kit": key})
		}
		x.note("approve", "kit", row.ID, map[string]any{"insert_sha256": doc.SHA256, "insert": doc.Name})
		return x.exec(`UPDATE kits SET insert_sha256 = $2, insert_name = $3, approved_by = $4, approved_at = $5 WHERE id = $1`,
			row.ID, doc.SHA256, strings.TrimSpace(doc.Name), by.ID, x.now)
	})
}

// LotOnRecord is a lot of a kit in a laboratory.
type LotOnRecord struct {
	ID         int64           `db:"id"`
	Lab        int64           `db:"lab_id"`
	Kit        string          `db:"kit_key"`
	Number     string          `db:"number"`
	Expires    time.Time       `db:"expires_on"`
	Ranges     json.RawMessage `db:"ranges"`
	BlockedAt  *time.Time      `db:"blocked_at"`
	BlockedBy  string          `db:"blocked_by"`
	BlockedWhy string          `db:"blocked_why"`
	Plates     int             `db:"plates"`
}

// Lots lists the lots of a laboratory (0: of all), the soonest to expire first.
func (s *Store) Lots(ctx context.Context, lab int64) ([]LotOnRecord, error) {
	return list[LotOnRecord](ctx, s, `SELECT l.id, l.lab_id, l.kit_key, l.number, l.expires_on, l.ranges, l.blocked_at, coalesce(b.name,'') AS blocked_by,
			l.blocked_why, coalesce(p.n,0) AS plates
		FROM lots l LEFT JOIN actors b ON b.id = l.blocked_by
		LEFT JOIN (SELECT lab_id, kit_key, lot, count(*) AS n FROM plates GROUP BY 1,2,3) p ON p.lab_id = l.lab_id AND p.kit_key = l.kit_key AND p.lot = l.number
		WHERE ($1 = 0 OR l.lab_id = $1) ORDER BY l.expires_on DESC, l.id DESC LIMIT 500`, lab)
}

// AddLot registers a lot of a kit in a laboratory.
func (s *Store) AddLot(ctx context.Context, by lims.Actor, lab int64, kit, number string, expires time.Time) (int64, error) {
	return s.AddLotRanges(ctx, by, LotOnRecord{Lab: lab, Kit: kit, Number: number, Expires: expires}, nil)
}

// AddLotRanges is AddLot with the ranges that the certificate states for the kit's controls, by target.
func (s *Store) AddLotRanges(ctx context.Context, by lims.Actor, l LotOnRecord, ranges map[string]pcr.Range) (id int64, err error) {
	if err := need(by, lims.Admin, lims.Supervisor, lims.Technician); err != nil {
		return 0, err
	}
	if err := inLab(by, l.Lab); err != nil {
		return 0, err
	}
	if l.Number = strings.TrimSpace(l.Number); l.Number == "" || l.Expires.IsZero() {
		return 0, lims.E(lims.Invalid, "lot.incomplete", nil)
	}
	if ranges == nil {
		ranges = map[string]pcr.Range{}
	}
	b, err := json.Marshal(ranges)
	if err != nil {
		return 0, err
	}
	err = s.do(ctx, by, func(x *tx) error {
		var known bool
		if err := x.one(&known, `SELECT EXISTS (SELECT FROM kits WHERE key = $1)`, l.Kit); err != nil {
			return err
		}
		if !known {
			return lims.E(lims.NotFound, "kit.unknown", lims.Args{"kit": l.Kit})
		}
		err := x.one(&id, `INSERT INTO lots (created_at, lab_id, kit_key, number, expires_on, ranges, added_by)
			VALUES ($1,$2,$3,$4,$5,$6,nullif($7::bigint,0)) RETURNING id`, x.now, l.Lab, l.Kit, l.Number, l.Expires, string(b), by.ID)
		x.note("add", "lot", id, map[string]any{"number": l.Number})
		return err
	})
	return id, err
}

// BlockLot keeps a lot from use, with a reason, such as a recall or a drift. Plates that were laid with it go on.
func (s *Store) BlockLot(ctx context.Context, by lims.Actor, id int64, why string) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	if why = strings.TrimSpace(why); why == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	return s.do(ctx, by, func(x *tx) error {
		n, err := x.count(`UPDATE lots SET blocked_at = $2, blocked_by = $3, blocked_why = $4
			WHERE id = $1 AND blocked_at IS NULL AND ($5 = 0 OR lab_id = $5)`, id, x.now, by.ID, why, by.Lab)
		if err == nil && n == 0 {
			err = lims.E(lims.NotFound, "not_found", nil)
		}
		x.note("block", "lot", id, nil)
		return err
	})
}

// usable refuses kits that are not on record, or whose insert no supervisor has confirmed.
func (x *tx) usable(key string) error {
	var ok bool
	err := x.one(&ok, `SELECT status = 'verified' OR approved_at IS NOT NULL FROM kits WHERE key = $1`, key)
	switch {
	case missing(err):
		return lims.E(lims.NotFound, "kit.unknown", lims.Args{"kit": key})
	case err != nil:
		return err
	case !ok:
		return lims.E(lims.Denied, "kit.unverified", lims.Args{"kit": key})
	}
	return nil
}

// freshLot refuses lots that the laboratory has not registered for the kit, that are blocked, or past their day. A lot may be
// used on its last day, by the laboratory's calendar.
func (x *tx) freshLot(lab int64, kit, number string) error {
	var row struct {
		Expires time.Time `db:"expires_on"`
		Over    bool      `db:"over"`
		Why     string    `db:"blocked_why"`
	}
	err := x.one(&row, `SELECT o.expires_on, o.expires_on < ($4::timestamptz AT TIME ZONE l.zone)::date AS over, o.blocked_why
		FROM lots o JOIN labs l ON l.id = o.lab_id WHERE o.lab_id = $1 AND o.kit_key = $2 AND o.number = $3`, lab, kit, number, x.now)
	args := lims.Args{"lot": number, "kit": kit}
	switch {
	case missing(err):
		return lims.E(lims.Invalid, "lot.unknown", args)
	case err != nil:
		return err
	case row.Over:
		args["day"] = row.Expires.Format(time.DateOnly)
		return lims.E(lims.Denied, "lot.expired", args)
	case row.Why != "":
		args["reason"] = row.Why
		return lims.E(lims.Denied, "lot.blocked", args)
	}
	return nil
}

// ControlsOf are the controls of a plate of n samples with the kit: the standard ones and what the kit's insert asks for beyond
// them. A control of an extraction batch stands on every plate, so that no batch is without one.
func ControlsOf(k *pcr.Kit, n int) []plate.Role {
	out := append([]plate.Role(nil), StandardControls...)
	have := map[plate.Role]int{}
	for _, r := range out {
		have[r]++
	}
	for _, c := range k.Controls {
		want := max(c.PerPlate, c.PerBatch)
		if c.PerSamples > 0 {
			want = max(want, (n+c.PerSamples-1)/c.PerSamples)
		}
		for r := c.PlateRole(); r.Control() && have[r] < want; have[r]++ {
			out = append(out, r)
		}
	}
	return out
}
