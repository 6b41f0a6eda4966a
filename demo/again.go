package demo

import (
	"context"
	"errors"

	"natlims/lims"
	"natlims/lims/store"
)

// A day may be killed while its city is being put on record: what is there already is then found, not refused. The city itself is
// written down whole, last (see found).

// again is the id of a row that was just added, or of the one that an earlier life of the day has added.
func again[T any](id int64, err error, rows func() ([]T, error), same func(T) (int64, bool)) (int64, error) {
	if !errors.Is(err, lims.Conflict) {
		return id, err
	}
	all, broken := rows()
	if broken != nil {
		return 0, broken
	}
	for _, r := range all {
		if id, ok := same(r); ok {
			return id, nil
		}
	}
	return 0, err
}

// done takes a thing that stands on record already for done.
func done(err error) error {
	if errors.Is(err, lims.Conflict) {
		return nil
	}
	return err
}

func (d *Day) addLab(ctx context.Context, by lims.Actor, l store.Lab) (int64, error) {
	id, err := d.Store.AddLab(ctx, by, l)
	return again(id, err, func() ([]store.Lab, error) { return d.Store.Labs(ctx) },
		func(r store.Lab) (int64, bool) { return r.ID, r.Code == l.Code })
}

func (d *Day) addDepartment(ctx context.Context, by lims.Actor, n store.Department) (int64, error) {
	id, err := d.Store.AddDepartment(ctx, by, n)
	return again(id, err, func() ([]store.Department, error) { return d.Store.Departments(ctx) },
		func(r store.Department) (int64, bool) { return r.ID, r.Code == n.Code })
}

func (d *Day) addDestination(ctx context.Context, by lims.Actor, n store.Destination) (int64, error) {
	id, err := d.Store.AddDestination(ctx, by, n)
	return again(id, err, func() ([]store.DestinationRow, error) { return d.Store.Destinations(ctx) },
		func(r store.DestinationRow) (int64, bool) {
			return r.ID, r.Department == n.Department && r.Name == n.Name
		})
}

func (d *Day) addInstrument(ctx context.Context, by lims.Actor, n store.Instrument) (int64, error) {
	id, err := d.Store.AddInstrument(ctx, by, n)
	return again(id, err, func() ([]store.Instrument, error) { return d.Store.Instruments(ctx, 0) },
		func(r store.Instrument) (int64, bool) { return r.ID, r.Code == n.Code })
}

func (d *Day) addActor(ctx context.Context, by lims.Actor, n store.NewActor) (int64, error) {
	id, err := d.Store.AddActor(ctx, by, n)
	return again(id, err, func() ([]store.PersonRow, error) { return d.Store.People(ctx, "", store.PageMost) },
		func(r store.PersonRow) (int64, bool) { return r.ID, r.Login == n.Login })
}
