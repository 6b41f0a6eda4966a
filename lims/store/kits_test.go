package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

func TestKitVersions(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	body, err := pcr.KitFile("cdc") // verified as it comes with the program
	require.NoError(t, err)
	_, err = l.st.AddKit(l.ctx, l.tech, body)
	refused(t, err, lims.Denied, "role.needed")
	k, err := l.st.AddKit(l.ctx, l.chief, body)
	require.NoError(t, err)
	row, kit, err := l.st.Kit(l.ctx, k.Key())
	require.NoError(t, err)
	require.True(t, row.Usable())
	require.Equal(t, k.Digest, kit.Digest)
	_, err = l.st.AddKit(l.ctx, l.chief, body)
	refused(t, err, lims.Conflict, "kit.version_taken")

	// A file that says of itself that it is verified is not in use before somebody has read its insert.
	changed := []byte(strings.Replace(strings.Replace(string(body), "version: rev06", "version: rev07", 1), "{ct_lt: 40}, state: pos", "{ct_lt: 38}, state: pos", 1))
	k7, err := l.st.AddKit(l.ctx, l.chief, changed)
	require.NoError(t, err)
	row, _, err = l.st.Kit(l.ctx, k7.Key())
	require.NoError(t, err)
	require.False(t, row.Usable())
	old, err := l.st.KitInUse(l.ctx, k7.Key())
	require.NoError(t, err)
	require.Equal(t, k.Key(), old.Key())
	var diff []string
	for _, line := range pcr.Diff(old, k7, "en") {
		diff = append(diff, line.Sign+line.Text)
	}
	require.Contains(t, strings.Join(diff, "\n"), "38")
	require.Error(t, l.st.ApproveKitBy(l.ctx, l.tech, k7.Key(), store.Insert{SHA256: strings.Repeat("0", 64)}))
	refused(t, l.st.ApproveKitBy(l.ctx, l.chief, k7.Key(), store.Insert{Name: "insert.pdf", SHA256: "12"}), lims.Invalid, "kit.insert_hash")
	refused(t, l.st.ApproveKitBy(l.ctx, l.chief, "nothing@1", store.Insert{SHA256: strings.Repeat("0", 64)}), lims.NotFound, "kit.unknown")
	require.NoError(t, l.st.ApproveKitBy(l.ctx, l.chief, k7.Key(), store.Insert{Name: "insert.pdf", SHA256: strings.Repeat("0", 64)}))
	refused(t, l.st.ApproveKitBy(l.ctx, l.chief, k7.Key(), store.Insert{SHA256: strings.Repeat("1", 64)}), lims.Conflict, "kit.approved")
	rows, err := l.st.Kits(l.ctx)
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, "insert.pdf chief", rows[0].InsertName+" "+rows[0].ApprovedBy)

	for _, change := range []string{`UPDATE kits SET body = body || ' '`, `UPDATE kits SET key = 'x@1'`, `UPDATE kits SET status = 'verified'`,
		`UPDATE kits SET approved_at = now(), insert_sha256 = 'x' WHERE approved_at IS NOT NULL`} {
		_, err = l.st.DB().ExecContext(l.ctx, change)
		require.ErrorContains(t, err, "kit_immutable", change)
	}
}

func TestKitFaultsNameLineAndCombination(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	body, err := pcr.KitFile("daan")
	require.NoError(t, err)
	bad := strings.Replace(string(body), "is: [neg], min: 2}}, {target: IC, is: [pos]}", "is: [neg], min: 1}}, {target: IC, is: [pos]}", 1)
	require.NotEqual(t, string(body), bad)
	_, err = l.st.AddKit(l.ctx, l.chief, []byte(bad))
	args := refused(t, err, lims.Invalid, "kit.unreadable")
	faults := args["faults"].([]string)
	require.NotEmpty(t, faults)
	require.Contains(t, faults[0], "line ")
	_, err = l.st.AddKit(l.ctx, l.chief, []byte("schema: kit/v2\nid: x\n"))
	refused(t, err, lims.Invalid, "kit.unreadable")
	require.Nil(t, store.KitFaults(body))
}

func TestLotsAtLay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(2, lims.Single)
	today := l.clock.now()
	l.id(l.st.AddLot(l.ctx, l.tech, l.one, l.kit, "OLD", today.AddDate(0, 0, -1)))
	l.id(l.st.AddLot(l.ctx, l.tech, l.one, l.kit, "TODAY", today))
	bad := l.id(l.st.AddLot(l.ctx, l.tech, l.one, l.kit, "BAD", today.AddDate(1, 0, 0)))
	_, err := l.st.AddLot(l.ctx, l.tech, l.two, l.kit, "X", today)
	refused(t, err, lims.NotFound, "not_found")
	_, err = l.st.AddLot(l.ctx, l.tech, l.one, "nothing@1", "X", today)
	refused(t, err, lims.NotFound, "kit.unknown")
	refused(t, l.st.BlockLot(l.ctx, l.tech, bad, "recalled"), lims.Denied, "role.needed")
	refused(t, l.st.BlockLot(l.ctx, l.chief, bad, " "), lims.Invalid, "reason.needed")
	require.NoError(t, l.st.BlockLot(l.ctx, l.chief, bad, "recalled"))
	refused(t, l.st.BlockLot(l.ctx, l.chief, bad, "again"), lims.NotFound, "not_found")
	for lot, code := range map[string]string{"OLD": "lot.expired", "BAD": "lot.blocked", "": "lot.unknown", "NOBODY": "lot.unknown"} {
		_, err := l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: lot, Codes: codes})
		var e *lims.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, code, e.Code, lot)
	}
	require.Equal(t, "received", l.states(codes...), "nothing was loaded")
	_, err = l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "TODAY", Codes: codes})
	require.NoError(t, err, "a lot may be used on its last day")
	lots, err := l.st.Lots(l.ctx, l.one)
	require.NoError(t, err)
	require.Len(t, lots, 4)
}

// What the certificate of a lot states for its controls decides whether they hold.
func TestLotRangesJudgeControls(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	key := l.put("daan", func(s string) string {
		s = strings.Replace(s, `id: daan`, `id: ranged`, 1)
		return strings.Replace(s, "expect: {ORF1ab: {ct_le: 32}, N: {ct_le: 32}}", "expect: {ORF1ab: {lot_range: true}, N: {ct_le: 32}}", 1)
	})
	_, err := l.st.AddLotRanges(l.ctx, l.chief, store.LotOnRecord{Lab: l.one, Kit: key, Number: "R1", Expires: l.clock.now().Add(time.Hour * 99)},
		map[string]pcr.Range{"ORF1ab": {Low: 26, High: 28}})
	require.NoError(t, err)
	codes := l.received(2, lims.Single)
	p := l.ran(store.NewPlate{Lab: l.one, Kit: key, Lot: "R1", Codes: codes})
	off := func(w plate.Well) (v [2]float64, ic float64) {
		v, ic = clean(nil)(w)
		if w.Role == plate.Positive {
			v[0] = 29 // inside the kit, outside the lot
		}
		return v, ic
	}
	v := l.show(p, off)
	require.False(t, v.Accepted)
	p = l.ran(store.NewPlate{Lab: l.one, Kit: key, Lot: "R1", Codes: codes})
	require.True(t, l.show(p, clean(nil)).Accepted)
}

func TestControlsOfTheKit(t *testing.T) {
	t.Parallel()
	cdc, err := pcr.Find("cdc")
	require.NoError(t, err)
	count := map[plate.Role]int{}
	for _, r := range store.ControlsOf(cdc, 90) {
		count[r]++
	}
	require.Equal(t, map[plate.Role]int{plate.Negative: 1, plate.Positive: 1, plate.Weak: 1, plate.Saline: 3, plate.NoTemplate: 1, plate.Extraction: 1}, count)
}
