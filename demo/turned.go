package demo

import (
	"context"
	"slices"
	"strings"

	"natlims/lims"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// Some plates of the day are not as the others, by their number of the day.
const (
	failing = 3 // its positive control was forgotten
	late    = 4 // its negative control rises at the very end: a flag for the reviewer
	turned  = 5 // it was put into the cycler the wrong way round
)

// nth says whether a plate is that one of the day.
func (d *Day) nth(p store.Plate, n int64) bool { return p.ID == d.past+n }

// round180 is the plate as a cycler sees it that holds it turned by half.
func round180(l plate.Layout) plate.Layout {
	l.Wells = slices.Clone(l.Wells)
	for i := range l.Wells {
		l.Wells[i].Pos, _ = plate.Rotated.To(l.Format, l.Wells[i].Pos)
	}
	return l
}

// mend is what two people do about the plate that stood the wrong way round: the supervisor says so, and another one, who has looked
// at the plate, says the same. It says whether there was anything to mend.
func (d *Day) mend(ctx context.Context, p store.Plate, lab int) (bool, error) {
	message, err := d.misfit(ctx, p)
	if err != nil || message == 0 {
		return false, err
	}
	fixes, err := d.Store.Fixes(ctx, message)
	if err != nil {
		return false, err
	}
	if len(fixes) > 0 {
		return true, d.Store.ConfirmFix(ctx, d.city.Admin, fixes[0].ID)
	}
	_, err = d.Store.ProposeFix(ctx, d.city.Supervisor[lab], store.Fix{Message: message, Plate: p.ID, Turn: plate.Rotated, Reason: "板缺口在 H12 一侧,上机时放反"})
	return true, err
}

// misfit is the message of the plate that waits for people because it does not fit as it was read; 0 where none does.
func (d *Day) misfit(ctx context.Context, p store.Plate) (int64, error) {
	if !d.nth(p, turned) {
		return 0, nil
	}
	rows, err := d.Store.Messages(ctx, store.Scope{Lab: p.Lab}, true, store.Page{})
	for _, m := range rows {
		if m.State == string(lims.Parked) && strings.HasPrefix(m.Code, "run.") {
			return m.ID, err
		}
	}
	return 0, err
}
