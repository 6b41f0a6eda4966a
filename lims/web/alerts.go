package web

import (
	"encoding/json"

	"natlims/lims"
	"natlims/lims/store"
)

type alertsPage struct {
	All  bool
	Rows []alertRow
	More int64
}

type alertRow struct {
	store.AlertRow
	Text string
}

const alertRows = 100

func (s *site) alerts(v *visit) error {
	p := alertsPage{All: v.field("all") != ""}
	rows, err := s.st.Alerts(v.r.Context(), v.labScope(), p.All, v.page(alertRows))
	if err != nil {
		return err
	}
	for _, r := range rows {
		p.Rows = append(p.Rows, alertRow{r, alertText(v.Lang, r)})
	}
	if len(rows) == alertRows {
		p.More = rows[alertRows-1].ID
	}
	return v.show("alerts", p)
}

// alertText says what an alert is about, out of its arguments.
func alertText(lang string, r store.AlertRow) string {
	var a lims.Args
	json.Unmarshal(r.Args, &a) //nolint:errcheck // without arguments the kind still says what happened
	if a == nil {
		a = lims.Args{}
	}
	if controls, ok := a["controls"].([]any); ok {
		var all []string
		for _, c := range controls {
			if m, ok := c.(map[string]any); ok {
				all = append(all, spell(lang, "", m["well"])+" "+spell(lang, "control", m["role"])+": "+spell(lang, "", m["why"]))
			}
		}
		a["controls"] = all
	}
	if call, ok := a["call"].(string); ok && languages[lang]["poolcall."+call] != "" {
		a["call"] = languages[lang]["poolcall."+call]
	}
	key := "alert.text." + r.Kind
	if what, ok := a["case"].(string); ok && languages[lang][key+"."+what] != "" {
		key += "." + what
	}
	return say(lang, key, a)
}

func (s *site) acknowledge(v *visit) error {
	if err := s.st.AcknowledgeAlert(v.r.Context(), v.Actor, v.id("alert")); err != nil {
		return err
	}
	return v.done("/alerts", "alert.acknowledged", nil)
}

func (s *site) resolve(v *visit) error {
	if err := s.st.ResolveAlert(v.r.Context(), v.Actor, v.id("alert"), v.field("reason")); err != nil {
		return err
	}
	return v.done("/alerts", "alert.resolved", nil)
}
