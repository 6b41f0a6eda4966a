package web

import (
	"strconv"
	"strings"

	"natlims/lims"
	"natlims/lims/store"
)

// What a laboratory changes is rows, and these pages change them. Rules: only administrators come here; a refusal gives the form back
// as it was filled in; a secret is shown once, on the answer to the request that made it, and never again.

// settingTabs are the pages of settings in their order.
var settingTabs = []string{"labs", "departments", "instruments", "destinations", "policies", "tokens"}

type settingsPage struct {
	Tab   string
	Tabs  []settingTab
	Trail []store.TrailRow
}

type settingTab struct {
	Name string
	N    int
}

const trailRows = 50

func (s *site) settings(v *visit) error {
	ctx := v.r.Context()
	labs, err := s.st.Labs(ctx)
	if err != nil {
		return err
	}
	departments, err := s.st.Departments(ctx)
	if err != nil {
		return err
	}
	instruments, err := s.st.Instruments(ctx, 0)
	if err != nil {
		return err
	}
	destinations, err := s.st.Destinations(ctx)
	if err != nil {
		return err
	}
	policies, err := s.st.Policies(ctx)
	if err != nil {
		return err
	}
	tokens, err := s.st.Tokens(ctx)
	if err != nil {
		return err
	}
	p := settingsPage{}
	for i, n := range []int{len(labs), len(departments), len(instruments), len(destinations), len(policies), working(tokens, s.st.Now())} {
		p.Tabs = append(p.Tabs, settingTab{settingTabs[i], n})
	}
	if p.Trail, err = s.st.SettingsTrail(ctx, trailRows); err != nil {
		return err
	}
	return v.show("settings", p)
}

type labsPage struct {
	Tab  string
	Rows []store.Lab
	Edit store.Lab // ID 0: a new one
}

func (s *site) labs(v *visit) error {
	rows, err := s.st.Labs(v.r.Context())
	if err != nil {
		return err
	}
	p := labsPage{Tab: "labs", Rows: rows, Edit: store.Lab{Zone: "Asia/Shanghai", Open24h: true}}
	id := v.id("lab")
	for _, l := range rows {
		if l.ID == id && id != 0 {
			p.Edit = l
		}
	}
	if id != 0 && p.Edit.ID == 0 {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	if v.refused != nil {
		code := p.Edit.Code
		p.Edit = labOf(v)
		if p.Edit.ID != 0 {
			p.Edit.Code = code
		}
	}
	return v.show("labs", p)
}

func labOf(v *visit) store.Lab {
	return store.Lab{ID: v.id("lab"), Code: v.field("code"), Name: store.Name{Zh: v.field("zh"), En: v.field("en")}, Zone: v.field("zone"),
		Capacity: int(v.id("capacity")), Open24h: v.field("open") != ""}
}

func (s *site) saveLab(v *visit) error {
	l := labOf(v)
	if err := complete(v, l.ID, "code", "zh", "en", "zone"); err != nil {
		return err
	}
	var err error
	if l.ID != 0 {
		err = s.st.UpdateLab(v.r.Context(), v.Actor, l)
	} else {
		_, err = s.st.AddLab(v.r.Context(), v.Actor, l)
	}
	return s.saved(v, "labs", l.In(v.Lang), err)
}

type departmentsPage struct {
	Tab   string
	Rows  []store.Department
	Edit  store.Department
	Kinds []string
}

func (s *site) departments(v *visit) error {
	rows, err := s.st.Departments(v.r.Context())
	if err != nil {
		return err
	}
	p := departmentsPage{Tab: "departments", Rows: rows, Kinds: store.DepartmentKinds}
	id := v.id("department")
	for _, d := range rows {
		if d.ID == id && id != 0 {
			p.Edit = d
		}
	}
	if id != 0 && p.Edit.ID == 0 {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	if v.refused != nil {
		code := p.Edit.Code
		p.Edit = departmentOf(v)
		if p.Edit.ID != 0 {
			p.Edit.Code = code
		}
	}
	return v.show("departments", p)
}

func departmentOf(v *visit) store.Department {
	return store.Department{ID: v.id("department"), Code: v.field("code"), Name: store.Name{Zh: v.field("zh"), En: v.field("en")}, Kind: v.field("kind"), AreaCode: v.field("area")}
}

func (s *site) saveDepartment(v *visit) error {
	d := departmentOf(v)
	if err := complete(v, d.ID, "code", "zh", "en", "kind"); err != nil {
		return err
	}
	var err error
	if d.ID != 0 {
		err = s.st.UpdateDepartment(v.r.Context(), v.Actor, d)
	} else {
		_, err = s.st.AddDepartment(v.r.Context(), v.Actor, d)
	}
	return s.saved(v, "departments", d.In(v.Lang), err)
}

// complete refuses a form with empty fields. A row that is on record keeps its code.
func complete(v *visit, id int64, fields ...string) error {
	var empty []string
	for _, f := range fields {
		if v.field(f) == "" && !(id != 0 && f == "code") {
			empty = append(empty, f)
		}
	}
	if len(empty) > 0 {
		return lims.E(lims.Invalid, "setting.incomplete", lims.Args{"fields": empty})
	}
	return nil
}

// saved goes back to the list. What every page names has changed, so the directory is read anew.
func (s *site) saved(v *visit, tab, what string, err error) error {
	if err != nil {
		return err
	}
	s.forget()
	return v.done("/settings/"+tab, "setting.saved", lims.Args{"what": what})
}

// optionsText writes options as lines of word=value; those that the form has fields for are left out.
func optionsText(options map[string]string) string {
	var b strings.Builder
	for _, k := range sortedKeys(options) {
		if !fieldOptions[k] {
			b.WriteString(k + "=" + options[k] + "\n")
		}
	}
	return b.String()
}

// readOptions reads lines of word=value.
func readOptions(text string) (map[string]string, error) {
	options := map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		k, value, ok := strings.Cut(line, "=")
		if k = strings.TrimSpace(k); !ok || k == "" {
			return nil, lims.E(lims.Invalid, "destination.option", lims.Args{"row": strconv.Itoa(i + 1)})
		}
		options[k] = strings.TrimSpace(value)
	}
	return options, nil
}
