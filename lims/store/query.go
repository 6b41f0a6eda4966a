package store

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// Asked is an instrument's question: what is wanted of these tubes, or of everything on it.
type Asked struct {
	All     bool
	Samples []string // barcodes as the instrument read them
}

// Wanted is one tube and the tests wanted of it, by the codes of the instrument.
type Wanted struct {
	Order    string // of the first order in the tube; "" of a control
	Sample   string
	Tests    []string
	Urgent   bool
	Control  bool
	Ordered  time.Time // in the laboratory's zone
	Specimen string
}

// MaxAsked is the largest number of tubes that one question names, and that one answer lists of an analyser's waiting tubes.
const MaxAsked = 500

type wanted struct {
	Order    int64     `db:"order_id"`
	Barcode  string    `db:"barcode"`
	Assay    string    `db:"assay"`
	Priority int       `db:"priority"`
	Specimen string    `db:"specimen"`
	Ordered  time.Time `db:"registered_at"`
	Control  bool      `db:"control"`
}

// What an answer is made of. A tube counts while its laboratory, which is the instrument's, has it at the bench and an order in it is open.
const (
	wantedColumns = `SELECT min(o.id) AS order_id, s.barcode, o.assay, s.priority, s.specimen, min(o.registered_at) AS registered_at, false AS control
		FROM samples s JOIN orders o ON o.sample_id = s.id AND o.state = 'open' `
	wantedGroup = ` GROUP BY s.id, s.barcode, o.assay, s.priority, s.due_at, s.specimen ORDER BY s.priority, s.due_at, s.id`
)

// OrdersFor answers what an instrument asks, and changes nothing. Tubes by barcode are those received or loaded in its laboratory.
// "All" is what is sealed or running on it, controls included; for an analyser without plates the most urgent tubes that wait, at
// most a hundred. An unknown instrument and an unknown tube are answered with nothing. An assay without a code in the instrument's
// settings is asked by its own name.
func (s *Store) OrdersFor(ctx context.Context, instrument int64, q Asked) ([]Wanted, error) {
	if instrument == 0 {
		return nil, nil
	}
	if len(q.Samples) > MaxAsked {
		return nil, lims.E(lims.Invalid, "query.too_many", lims.Args{"max": MaxAsked, "got": len(q.Samples)})
	}
	i, err := single[struct {
		Lab      int64           `db:"lab_id"`
		Settings json.RawMessage `db:"settings"`
		Zone     string          `db:"zone"`
	}](ctx, s, `SELECT i.lab_id, i.settings, l.zone FROM instruments i JOIN labs l ON l.id = i.lab_id WHERE i.id = $1 AND i.active`, instrument)
	if err != nil {
		return nil, err
	}
	w := WorkOf(i.Settings)
	var rows []wanted
	switch {
	case !q.All:
		rows, err = list[wanted](ctx, s, wantedColumns+`WHERE s.barcode = ANY($1) AND s.lab_id = $2 AND s.state IN ('received','loaded')`+wantedGroup,
			pq.Array(q.Samples), i.Lab)
	case w.Mode == ModeTube:
		rows, err = list[wanted](ctx, s, wantedColumns+`WHERE s.id IN (SELECT id FROM samples WHERE lab_id = $1 AND state = 'received'
			ORDER BY priority, due_at, id LIMIT 100)`+wantedGroup, i.Lab)
	default:
		rows, err = s.onInstrument(ctx, instrument)
	}
	if err != nil {
		return nil, err
	}
	out := w.wanted(rows)
	if zone, err := time.LoadLocation(i.Zone); err == nil {
		for n := range out {
			out[n].Ordered = out[n].Ordered.In(zone)
		}
	}
	return out, nil
}

// onInstrument is what stands in the wells of the plates on an instrument.
func (s *Store) onInstrument(ctx context.Context, instrument int64) ([]wanted, error) {
	rows, err := list[wanted](ctx, s, wantedColumns+`WHERE s.state = 'loaded' AND s.id IN (SELECT w.sample_id FROM wells w JOIN plates p ON p.id = w.plate_id
		WHERE p.instrument_id = $1 AND p.state IN ('sealed','running'))`+wantedGroup, instrument)
	if err != nil {
		return nil, err
	}
	controls, err := list[wanted](ctx, s, `SELECT DISTINCT 0 AS order_id, w.code AS barcode, '' AS assay, 5 AS priority, '' AS specimen,
			p.started_at AS registered_at, true AS control
		FROM plates p JOIN wells w ON w.plate_id = p.id WHERE p.instrument_id = $1 AND p.state = 'running' AND w.role <> 'sample' ORDER BY w.code`, instrument)
	return append(rows, controls...), err
}

// wanted joins the assays of a tube and says them as the instrument knows them. A control is tested for everything that the tubes are.
func (w Work) wanted(rows []wanted) []Wanted {
	var out []Wanted
	var every []string
	at := map[string]int{}
	for _, r := range rows {
		n, ok := at[r.Barcode]
		if !ok {
			n = len(out)
			at[r.Barcode] = n
			out = append(out, Wanted{Sample: r.Barcode, Urgent: r.Priority == 1, Control: r.Control, Ordered: r.Ordered, Specimen: r.Specimen})
			if r.Order != 0 {
				out[n].Order = strconv.FormatInt(r.Order, 10)
			}
		}
		codes := w.Tests[r.Assay]
		if len(codes) == 0 && r.Assay != "" {
			codes = []string{r.Assay}
		}
		out[n].Tests, every = union(out[n].Tests, codes), union(every, codes)
	}
	for i := range out {
		if out[i].Control {
			out[i].Tests = every
		}
	}
	return out
}

func union(have, more []string) []string {
	for _, m := range more {
		if !slices.Contains(have, m) {
			have = append(have, m)
		}
	}
	return have
}
