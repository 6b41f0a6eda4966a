package web

import (
	"strings"
	"sync"
	"time"

	"natlims/lims/pcr"
	"natlims/lims/store"
)

// heardWithin is how long an instrument may be silent and still count as up: the longest PCR programme (118 min) with its set-up.
const heardWithin = 3 * time.Hour

// furnish fills the head of the page. What cannot be read is left out: the page itself matters more.
func (s *site) furnish(v *visit, f *frame) {
	ctx := v.r.Context()
	f.Nav = navigation(v.Actor, f.Station)
	f.Place = s.place(v)
	if v.Actor.Department != 0 {
		return
	}
	sc := v.scope()
	f.Pulse, _ = s.st.Pulse(ctx, sc, s.st.Now().Add(-heardWithin))
	f.Alerts, _ = s.st.OpenAlerts(ctx, sc)
}

// directory keeps the laboratories, departments and kits for a minute: every page names one.
type directory struct {
	sync.Mutex
	until       time.Time
	labs        []store.Lab
	departments []store.Department
	kits        map[string]*pcr.Kit
}

const directoryLife = time.Minute

func (s *site) directory(v *visit) ([]store.Lab, []store.Department, error) {
	d := &s.who
	d.Lock()
	defer d.Unlock()
	now := s.st.Now()
	if now.Before(d.until) {
		return d.labs, d.departments, nil
	}
	labs, err := s.st.Labs(v.r.Context())
	if err != nil {
		return nil, nil, err
	}
	departments, err := s.st.Departments(v.r.Context())
	if err != nil {
		return nil, nil, err
	}
	kits, err := s.st.KitsOnRecord(v.r.Context())
	if err != nil {
		return nil, nil, err
	}
	d.labs, d.departments, d.kits, d.until = labs, departments, kits, now.Add(directoryLife)
	return labs, departments, nil
}

// forget makes the next page read the directory anew.
func (s *site) forget() {
	s.who.Lock()
	defer s.who.Unlock()
	s.who.until = time.Time{}
}

func (s *site) place(v *visit) store.Name {
	labs, departments, err := s.directory(v)
	if err != nil {
		return store.Name{}
	}
	for _, d := range departments {
		if d.ID == v.Actor.Department {
			return d.Name
		}
	}
	for _, l := range labs {
		if l.ID == v.Actor.Lab && v.Actor.Department == 0 {
			return l.Name
		}
	}
	return store.Name{Zh: say("zh", "place.city", nil), En: say("en", "place.city", nil)}
}

// kit is a kit on record, nil where the directory does not know it yet.
func (s *site) kit(key string) *pcr.Kit {
	s.who.Lock()
	defer s.who.Unlock()
	return s.who.kits[key]
}

// kitTitle is what people call a kit: the first word of its name, with the version.
func (s *site) kitTitle(lang, key string) string {
	k := s.kit(key)
	if k == nil {
		return key
	}
	title := k.Title(lang)
	if lang == "zh" {
		title, _, _ = strings.Cut(title, " ")
	}
	return title
}
