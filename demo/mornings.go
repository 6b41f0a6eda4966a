package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// Every morning a laboratory runs a plate of its controls and one tube of saline before it takes tubes of others (domain 1.10). The day
// begins with those of the days before, said through the same methods at the time of those days: they are what its control charts show.
const (
	mornings = 12
	outlier  = 5 // mornings ago, the weak positive of the first laboratory was out of control
	checkDep = "QC"

	weakMean, weakSD = 33.5, 0.4 // of the first target
	markMornings     = "demo.mornings"
)

func iqcLot(level plate.Role) string {
	return map[plate.Role]string{plate.Weak: "QCW26-07", plate.Saline: "QCN26-04"}[level]
}

// foundControls registers control material with what it should show, and who sends the saline.
func (d *Day) foundControls(ctx context.Context, by lims.Actor) (err error) {
	d.city.Checks, err = d.addDepartment(ctx, by, store.Department{Code: checkDep, Name: store.Name{Zh: "实验室内部质控", En: "Own quality control"}, Kind: "command", AreaCode: "510900"})
	if err != nil {
		return err
	}
	for i, lab := range d.city.Labs {
		there, err := d.Store.IQCLots(ctx, lab)
		if err != nil {
			return err
		}
		have := map[string]int64{}
		for _, l := range there {
			have[l.Number] = l.ID
		}
		for _, level := range []plate.Role{plate.Weak, plate.Saline} {
			if have[iqcLot(level)] != 0 {
				continue
			}
			id, err := d.Store.AddIQCLot(ctx, d.city.Tech[i], store.IQCLot{Lab: lab, Number: iqcLot(level), Level: string(level),
				Material: map[plate.Role]string{plate.Weak: "假病毒弱阳性质控品", plate.Saline: "生理盐水阴性质控品"}[level], Expires: d.start.AddDate(0, 8, 0)})
			if err != nil {
				return err
			}
			have[iqcLot(level)] = id
		}
		if err := d.goals(ctx, i, have[iqcLot(plate.Weak)]); err != nil {
			return err
		}
	}
	return nil
}

// goals sets what the certificate of the weak positive says.
func (d *Day) goals(ctx context.Context, lab int, lot int64) error {
	k, err := pcr.Find(d.city.Kits[lab])
	if err != nil {
		return err
	}
	for i, t := range k.Targets {
		if t.Role != pcr.Virus {
			continue
		}
		mean := weakMean
		if i > 0 {
			mean += shiftOf(i)
		}
		if err := d.Store.SetIQCGoal(ctx, d.city.Supervisor[lab], store.IQCGoal{Lot: lot, Kit: k.Key(), Target: t.ID, Mean: mean, SD: weakSD}); err != nil {
			return err
		}
	}
	return nil
}

// weak is what the weak positive of a plate shows: around its mean, within three standard deviations, but for the one morning.
func (d *Day) weak(p store.Plate, target string) float64 {
	cq := weakMean
	for _, die := range []string{"one", "two", "three"} {
		cq += 2 * weakSD * (chance(p.Code, target, die) - 0.5)
	}
	if p.Lab == d.city.Labs[0] && p.CreatedAt.Format(time.DateOnly) == d.start.AddDate(0, 0, -outlier).UTC().Format(time.DateOnly) {
		cq = weakMean + 4*weakSD
	}
	return cq
}

// before plays the mornings of the days before, once.
func (d *Day) before(ctx context.Context) error {
	b, err := d.Store.MarkOf(ctx, markMornings)
	if err != nil {
		return err
	}
	if b != nil {
		return json.Unmarshal(b, &d.past)
	}
	now := d.Clock.Now()
	d.past = -mornings // none of these is one of the plates of the day
	for ago := mornings; ago > 0; ago-- {
		if err := d.morning(ctx, d.start.AddDate(0, 0, -ago)); err != nil {
			return fmt.Errorf("%d mornings ago: %w", ago, err)
		}
	}
	d.Clock.jump(now)
	d.past = 0
	for _, lab := range d.city.Labs {
		plates, err := d.Store.PlatesIn(ctx, lab, lims.Accepted)
		if err != nil {
			return err
		}
		for _, p := range plates {
			d.past = max(d.past, p.ID)
		}
	}
	if b, err = json.Marshal(d.past); err != nil {
		return err
	}
	return d.Store.Mark(ctx, markMornings, b)
}

// morning is one plate of every laboratory, from the tube to the second signature.
func (d *Day) morning(ctx context.Context, at time.Time) error {
	for _, s := range []struct {
		after time.Duration
		do    func(context.Context, time.Duration) error
	}{
		{0, func(ctx context.Context, _ time.Duration) error { return d.layChecks(ctx, at) }},
		{extraction + step, d.startPlates}, {4 * time.Hour, d.readPlates}, {4*time.Hour + 10*time.Minute, d.check},
		{4*time.Hour + 20*time.Minute, d.release}, {4*time.Hour + 30*time.Minute, d.alerts},
	} {
		d.Clock.jump(at.Add(s.after))
		if err := s.do(ctx, 0); err != nil {
			return err
		}
	}
	return nil
}

// layChecks brings a tube of saline to each laboratory and lays it on a plate. What a killed demo has done is not done again.
func (d *Day) layChecks(ctx context.Context, at time.Time) error {
	for lab, id := range d.city.Labs {
		by, code := d.city.Tech[lab], "QC"+labs[lab].Code+at.Format("0102")
		order := store.NewOrder{ClientID: code, Category: lims.Voluntary, Subject: lims.Subject{Kind: lims.Environment, Name: "生理盐水(每日核查)"}}
		if _, err := d.Store.Register(ctx, by, d.city.Checks, []store.NewOrder{order}); err != nil {
			return err
		}
		for _, do := range []func() error{
			func() error {
				return d.Store.Collect(ctx, by, []store.Tube{{Barcode: code, Mode: lims.Single, Department: d.city.Checks, ClientIDs: []string{code}}})
			},
			func() error {
				_, err := d.Store.Dispatch(ctx, by, store.Box{Code: "BX" + code, Department: d.city.Checks, Lab: id, Barcodes: []string{code}})
				return err
			},
			func() error { _, err := d.Store.Scan(ctx, by, "BX"+code, []string{code}); return err },
			func() error { _, err := d.Store.CloseBox(ctx, by, "BX"+code); return err },
			func() error {
				p, err := d.Store.Lay(ctx, by, store.NewPlate{Lab: id, Wells: perPlate, Kit: d.city.Kits[lab], Lot: d.city.Lots[lab], Codes: []string{code}})
				if err != nil {
					return err
				}
				return d.Store.Seal(ctx, by, p.ID)
			},
		} {
			if err := done(do()); err != nil {
				return err
			}
		}
	}
	return nil
}
