package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"natlims/lims"
	"natlims/lims/store"
)

// One person of the first fever clinic is tested with two kits. The second kit finds a trace that the first does not; a supervisor
// has the tube extracted again, and then the kits agree.
const pairLab = 0

// pairTube is the tube of that person, the first of the clinic that is not positive and no plate void before; "" in a small day.
func (p *plan) pairTube() string { return p.plain(0) }

// dullTube is the tube whose internal control is lost in the first extraction, of the second fever clinic.
func (p *plan) dullTube() string { return p.plain(1) }

// plain is the first tube of a clinic that is not positive and on no plate that goes wrong.
func (p *plan) plain(dept int) string {
	for i := p.tubeOf[dept].from; i < p.tubeOf[dept].to; i++ {
		if t := p.tubes[i]; t.t0 > afterVoid && !p.orders[t.orders[0]].positive {
			return t.barcode
		}
	}
	return ""
}

// foundPair gives the laboratory a lot of its second kit.
func (d *Day) foundPair(ctx context.Context, by lims.Actor) error {
	_, err := d.Store.AddLot(ctx, by, d.city.Labs[pairLab], d.city.Kits[1], d.city.Lots[1], d.start.AddDate(1, 0, 0))
	return done(err)
}

// pair asks for the second kit once the tube is there, and lays a plate for each kit at once: one after the other would take too long.
func (d *Day) pair(ctx context.Context, _ time.Duration) error {
	code := d.plan.pairTube()
	if code == "" {
		return nil
	}
	if !d.asked {
		arms, err := d.Store.SampleArms(ctx, code)
		if err != nil {
			return err
		}
		if len(arms) == 0 {
			err = d.Store.AskParallel(ctx, d.city.Tech[pairLab], store.Ask{Lab: d.city.Labs[pairLab], Barcodes: []string{code},
				First: d.city.Kits[pairLab], Second: d.city.Kits[1]})
			if errors.Is(err, lims.Conflict) { // it has not come yet
				return nil
			}
			if err != nil {
				return err
			}
		}
		d.asked = true
	}
	owed, err := d.Store.OwedArms(ctx, d.city.Labs[pairLab])
	if err != nil {
		return err
	}
	for _, a := range owed {
		lot := d.city.Lots[0]
		if a.Kit != d.city.Kits[0] {
			lot = d.city.Lots[1]
		}
		p, err := d.Store.Lay(ctx, d.city.Tech[pairLab], store.NewPlate{Lab: d.city.Labs[pairLab], Wells: perPlate, Kit: a.Kit, Lot: lot, Codes: []string{a.Barcode}})
		if err != nil {
			return err
		}
		if err := d.Store.Seal(ctx, d.city.Tech[pairLab], p.ID); err != nil {
			return err
		}
	}
	return nil
}

// paired are the tubes of a laboratory that wait for plates of their own.
func (d *Day) paired(ctx context.Context, lab int) (map[string]bool, error) {
	owed, err := d.Store.OwedArms(ctx, d.city.Labs[lab])
	codes := map[string]bool{}
	for _, a := range owed {
		codes[a.Barcode] = true
	}
	return codes, err
}

// disagree has the supervisor end what two kits do not agree on: nobody signs it.
func (d *Day) disagree(ctx context.Context, lab int) error {
	held, err := d.Store.ToSign(ctx, d.city.Labs[lab], 1, lims.Held)
	code := d.plan.pairTube()
	if err != nil || len(held) == 0 || lab != pairLab || code == "" {
		return err
	}
	arms, err := d.Store.SampleArms(ctx, code)
	if err != nil {
		return err
	}
	ended := map[int64]bool{}
	for _, a := range arms {
		if a.Plate == "" {
			continue
		}
		p, err := d.Store.PlateByCode(ctx, a.Plate)
		if err != nil {
			return err
		}
		sheaves, err := d.Store.PlateSheaves(ctx, p.ID)
		if err != nil {
			return err
		}
		for _, s := range sheaves {
			if s.Barcode != code || s.Call != lims.Discordant || s.State != string(lims.Held) || ended[s.IDs[0]] {
				continue
			}
			ended[s.IDs[0]] = true
			err := d.Store.Resolve(ctx, d.city.Supervisor[lab], s.IDs, store.Onward{Way: store.Reextract, Reason: "两试剂不一致,原管重提复测"})
			if err != nil {
				return fmt.Errorf("pair of %s: %w", code, err)
			}
		}
	}
	return nil
}
