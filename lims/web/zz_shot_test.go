package web

import (
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

func TestZZShot(t *testing.T) {
	d := newDay(t)
	codes := d.collect(d.dep, "SX", lims.Single, d.register(d.dep, "C", 30, lims.KeyPerson))
	d.send("BX-9", d.dep, codes)
	d.receive("BX-9", codes)
	kit := d.singleplex()
	ctx := browser(t)
	w := d.window(t, ctx, "tech")
	w.open("/bench?wells=96&lot=" + kit + "%7CN-1")
	w.shot("bench-zh")
	w.open("/bench?lot=" + d.kit + "%7C2026031&second=" + kit + "%7CN-1")
	w.shot("bench-second")
	p, err := d.st.Lay(d.ctx, d.people["tech"], store.NewPlate{Lab: d.lab, Wells: 96, Kit: kit, Lot: "N-1", Codes: codes[:24]})
	require.NoError(t, err)
	w.open("/plates/" + p.Code)
	w.shot("plate-open")
	require.NoError(t, d.st.Seal(d.ctx, d.people["tech"], p.ID))
	d.runSingleplex(p.Code, map[string]string{codes[3]: "N1 N2 RP", codes[5]: "N2 RP"})
	w.scheme("dark")
	w.open("/plates/" + p.Code)
	w.shot("plate-dark")
	c := d.window(t, ctx, "checker")
	c.open("/review/" + p.Code)
	c.shot("review")
	c.open("/language?lang=en")
	q, err := d.st.Lay(d.ctx, d.people["tech"], store.NewPlate{Lab: d.lab, Wells: 384, Kit: kit, Lot: "N-1", Codes: codes[24:]})
	require.NoError(t, err)
	w.scheme("light")
	w.open("/plates/" + q.Code)
	w.shot("plate-384")
}
