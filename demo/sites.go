package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"natlims/lims"
	"natlims/lims/api"
	"natlims/lims/store"
	"natlims/reports"
	"natlims/reports/send/receiver"
)

// sites are the departments' own systems: they register orders and take reports, keeping what they got in ledgers of their own.
type sites struct {
	day       *Day
	receivers []*receiver.Receiver
	servers   []*http.Server
	ledgers   []string
}

// modes are how the departments confirm: in the answer, or by a call of their own later.
var modes = []receiver.Mode{receiver.AtOnce, receiver.CallBack}

// openSites starts a receiver for each department and tells the laboratories where it is.
func (d *Day) openSites(ctx context.Context) error {
	s := &sites{day: d}
	d.site = s
	dir := filepath.Join(d.Dir, "departments")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i, dep := range departments {
		path := filepath.Join(dir, lower(dep.code)+".jsonl")
		r, err := receiver.Open(receiver.Config{Secret: secretOf(dep.code), Ledger: path, Mode: modes[i%len(modes)], Now: d.Clock.Now, Tolerance: time.Hour,
			Callback: d.base, Token: d.city.Tokens[i]})
		if err != nil {
			return err
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		srv := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
		go srv.Serve(l) //nolint:errcheck // it ends with Close
		s.receivers, s.servers, s.ledgers = append(s.receivers, r), append(s.servers, srv), append(s.ledgers, path)
		if err := d.Store.SetAddress(ctx, d.city.Admin, d.city.Dest[i], "http://"+l.Addr().String()+"/results"); err != nil {
			return err
		}
	}
	return nil
}

func (s *sites) close() error {
	var errs []error
	for i := range s.receivers {
		errs = append(errs, s.servers[i].Close(), s.receivers[i].Close())
	}
	return errors.Join(errs...)
}

// register sends orders to the laboratories' API the way a department's system does; every row must be taken.
func (s *sites) register(ctx context.Context, dept int, orders []store.NewOrder) error {
	var in struct {
		Orders []api.Order `json:"orders"`
	}
	for _, o := range orders {
		one := api.Order{ClientID: o.ClientID, Category: string(o.Category), Subject: api.Subject{Kind: string(o.Subject.Kind), Name: o.Subject.Name,
			DocType: o.Subject.DocType, DocNo: o.Subject.DocNo, Sex: o.Subject.Sex, Phone: o.Subject.Phone}}
		if o.Subject.BirthDate != nil {
			one.Subject.BirthDate = o.Subject.BirthDate.Format(time.DateOnly)
		}
		in.Orders = append(in.Orders, one)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.day.base+"/api/v1/orders", bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+s.day.city.Tokens[dept])
	q.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var out struct {
		Refused int              `json:"refused"`
		Orders  []api.Registered `json:"orders"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("registering %d orders: answer %d: %w", len(orders), answer.StatusCode, err)
	}
	for _, r := range out.Orders {
		if r.Status == "refused" {
			return lims.E(lims.Invalid, r.Code, lims.Args{"order": r.ClientID})
		}
	}
	return nil
}

// The receiver of the east community is down for half an hour after midday; everybody else must not notice.
const (
	downFrom  = 4 * time.Hour
	downUntil = downFrom + 30*time.Minute
	downDept  = 4
)

func (d *Day) trouble(_ context.Context, at time.Duration) error {
	t := receiver.Trouble{}
	if at >= downFrom && at < downUntil {
		t.Status = http.StatusServiceUnavailable
	}
	d.site.receivers[downDept].Set(t)
	return nil
}

// got is what the departments have in their ledgers.
type got struct {
	final   map[string]string // order -> call of the newest version
	wrong   []string          // orders whose final call is not what was true
	recalls int               // recall notices, by person
	unheard int               // persons who got "under verification" as a result and were in no notice
	doubled int               // orders that got one version of a result in two deliveries, or two versions that both end the order
}

// ledgersSay reads the departments' ledgers and compares them with the truth of the day.
func (d *Day) ledgersSay() (got, error) {
	g := got{final: make(map[string]string, len(d.plan.orders))}
	for _, path := range d.site.ledgers {
		if err := g.read(path); err != nil {
			return g, err
		}
	}
	for _, o := range d.plan.orders {
		if call, ok := g.final[o.client]; ok && call != o.expected() {
			g.wrong = append(g.wrong, o.client)
		}
	}
	return g, nil
}

func (g *got) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	versions := map[string]map[int]string{} // order -> version -> delivery
	recalled, pending := map[string]bool{}, map[string]bool{}
	defer func() {
		for o := range pending {
			if !recalled[o] {
				g.unheard++
			}
		}
	}()
	for dec := json.NewDecoder(f); dec.More(); {
		var l receiver.Line
		if err := dec.Decode(&l); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		if l.Notice == reports.Recall {
			recalled[l.Order] = true
			g.recalls++
		}
		if l.Order == "" || l.Notice != "" {
			continue
		}
		if l.Call == lims.PendingReview {
			pending[l.Order] = true
		}
		if versions[l.Order] == nil {
			versions[l.Order] = map[int]string{}
		}
		_, again := g.final[l.Order]
		if _, same := versions[l.Order][l.Version]; same || again && lims.Closes(l.Call) {
			g.doubled++
		}
		versions[l.Order][l.Version] = l.Delivery
		if lims.Closes(l.Call) {
			g.final[l.Order] = l.Call
		}
	}
	return nil
}
