package flow_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

func (r *room) xpert() int64 {
	return r.instrument(store.Instrument{Code: "GX-1", Model: "GeneXpert", Line: "push", Protocol: "astm"},
		store.Work{Mode: store.ModeTube, Kit: r.kit, Tests: map[string][]string{"SARS-CoV-2": {"COVPLUS"}}})
}

// Every cartridge ends as what it says, and nothing that failed, is cut or contradicts itself ends as negative.
func TestCartridges(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	gx := r.xpert()
	const end = "20260302083000"
	tests := []struct {
		name, text, state, want string
	}{
		{"negative", cartridge("X-01", end, "NEGATIVE", "NEG", "PASS"), "recorded", "negative called"},
		{"positive", cartridge("X-02", end, "POSITIVE", "POS", "NA"), "recorded", "positive called"},
		{"error", cartridge("X-03", end, "ERROR", "NO RESULT", "NO RESULT", "Error^2125^Operation terminated^Error 2125^20260302083000"), "recorded", "received"},
		{"error beside good analytes", cartridge("X-04", end, "ERROR", "NEG", "PASS"), "recorded", "received"},
		{"invalid", cartridge("X-05", end, "INVALID", "NEG", "FAIL"), "recorded", "received"},
		{"no result", cartridge("X-06", end, "NO RESULT - REPEAT TEST", "NO RESULT", "NO RESULT"), "recorded", "received"},
		{"error without analytes", cartridge("X-07", end, "ERROR", "", "", "Error^5007^Probe check^^"), "recorded", "received"},
		{"cut before the control", cartridge("X-08", end, "NEGATIVE", "NEG", ""), "recorded", "received"},
		{"control lost", cartridge("X-09", end, "NEGATIVE", "NEG", "FAIL"), "recorded", "received"},
		{"positive above a negative analyte", cartridge("X-10", end, "POSITIVE", "NEG", "PASS"), "recorded", "inconclusive held"},
		{"a word nobody knows", cartridge("X-11", end, "PERHAPS", "NEG", "PASS"), "recorded", "inconclusive held"},
		{"other assay", strings.ReplaceAll(cartridge("X-12", end, "NEGATIVE", "NEG", "PASS"), "SARS-CoV-2", "Ebola GP"), "parked", "received"},
		{"a record is missing", strings.Replace(cartridge("X-13", end, "NEGATIVE", "NEG", "PASS"), "R|2|", "R|3|", 1), "parked", "received"},
		{"panel", panel("X-14", "NEGATIVE", "NEG", "POSITIVE"), "recorded", "negative called"},
		{"panel, virus found", panel("X-15", "POSITIVE", "POS", "NEGATIVE"), "recorded", "positive called"},
	}
	for i := range tests {
		r.tubes(fmt.Sprintf("X-%02d", i+1))
	}
	for i, tt := range tests {
		m := r.hear(gx, tt.name, tt.text)
		require.Equal(t, tt.state, m.State, "%s: %s %s", tt.name, m.Code, m.Args)
		require.Equal(t, tt.want, r.said(fmt.Sprintf("X-%02d", i+1)), tt.name)
	}
	require.Equal(t, 1, r.count(`SELECT count(*) FROM alerts WHERE kind = 'preliminary_positive' AND sample_id = (SELECT id FROM samples WHERE barcode = 'X-02')`), "told at once")
	var why string
	require.NoError(t, r.st.DB().Get(&why, `SELECT why FROM calls WHERE code = 'X-03'`))
	require.Contains(t, why, "Error 2125", "the reason stands")
	require.Equal(t, 0, r.count(`SELECT count(*) FROM plates WHERE state <> 'accepted'`))

	// The failed tube is tested again: a second failure is invalid and asks for a new collection, a success counts.
	const later = "20260302093000"
	r.hear(gx, "", cartridge("X-03", later, "ERROR", "NO RESULT", "NO RESULT"))
	require.Equal(t, "invalid called", r.said("X-03"))
	r.hear(gx, "", cartridge("X-05", later, "NEGATIVE", "NEG", "PASS"))
	require.Equal(t, "negative called", r.said("X-05"))
}

// panel is a message of several assays in one cartridge; the control is read with each.
func panel(sample, cov, covCall, flu string) string {
	b := fmt.Sprintf("H|@^\\|GXM-%s||Bench^GeneXpert^6.4|||||LIS||P|1394-97|20260302083000\rP|1\rO|1|%s||^^^PLUS|R|20260302083000|||||||||ORH||||||||||F\r", sample, sample)
	one := func(assay, name, result, analyte, call, ct string) {
		b += fmt.Sprintf("R|1|^PLUS^^%s^Xpress panel^1^%s^|%s^|||||F||x|20260302083000|20260302083000|Bench^1^2^3^4^5\r", assay, name, result)
		b += fmt.Sprintf("R|2|^PLUS^^%s^^^%s^|%s^|||\rR|3|^PLUS^^%s^^^%s^Ct|^%s|||\r", assay, analyte, call, assay, analyte, ct)
		b += fmt.Sprintf("R|4|^PLUS^^%s^^^SPC^|PASS^|||\rR|5|^PLUS^^%s^^^SPC^Ct|^29.3|||\r", assay, assay)
	}
	ct := map[bool]string{true: "22.2", false: "0.0"}
	one("SARSCOV2", "SARS-CoV-2", cov, "SARS-CoV-2", covCall, ct[covCall == "POS"])
	one("FLUA", "Flu A", flu, "Flu A 1", map[bool]string{true: "POS", false: "NEG"}[flu == "POSITIVE"], ct[flu == "POSITIVE"])
	return b + "L|1|N\r"
}

// The same analyser over HL7, with the kit of two virus targets that comes with the program.
func TestCartridgesOverHL7(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	body, err := pcr.KitFile("xpert")
	require.NoError(t, err)
	gx := r.instrument(store.Instrument{Code: "GX-1", Model: "GeneXpert", Line: "push", Protocol: "hl7"}, store.Work{Mode: store.ModeTube, Kit: r.addKit(body)})
	r.tubes("X-1", "X-2", "X-3", "X-4")
	message := func(sample, result, e, n2, spc string) string {
		return "MSH|^~\\&|Bench^GeneXpert^6.5||LIS||20260302083000||ORU^R32^ORU_R30|GXM-" + sample + "|P|2.5|||AL|NE\rPID|1||p7\rORC|RE|1\r" +
			"OBR|1|||NCOV|||||||||||||||||||||F\rTQ1|||||||20260302073000|20260302083000|R\r" +
			"OBX|1|ST|NCOV&NCOV&Xpress SARS-CoV-2&1|SARS-CoV-2|" + result + "^||||||F|||||^Li Wei||20270124~10804~111~222~800000~Bench\r" +
			"OBX|2|ST|NCOV&NCOV|E|" + e + "^||\rOBX|3|ST|NCOV&NCOV|E&Ct|^0.0||\rOBX|4|ST|NCOV&NCOV|N2|" + n2 + "^||\rOBX|5|ST|NCOV&NCOV|N2&Ct|^31.3||\r" +
			"OBX|6|ST|NCOV&NCOV|SPC|" + spc + "^||\rOBX|7|ST|NCOV&NCOV|SPC&Ct|^28.8||\rSPM|1|" + sample + "^||ORH|||||||P\r"
	}
	for _, tt := range [][2]string{
		{message("X-1", "POSITIVE", "NEG", "POS", "NA"), "positive called"},
		{message("X-2", "NEGATIVE", "NEG", "NEG", "PASS"), "negative called"},
		{message("X-3", "INVALID", "NEG", "NEG", "FAIL"), "received"},
		{message("X-4", "POSITIVE", "POS", "NEG", "NA"), "presumptive_positive called"}, // the E gene alone
	} {
		m := r.hear(gx, "", tt[0])
		require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
		require.Equal(t, "genexpert-hl7", m.Driver)
		code := tt[0][strings.Index(tt[0], "SPM|1|")+6:][:3]
		require.Equal(t, tt[1], r.said(code), code)
	}
}

const export = "RESULT TABLE\r\nSample ID,%s\r\nAssay,Xpert CoV-2\r\nTest Type,%s\r\nTest Result,%s\r\nModule Name,B4\r\nStart Time,26/03/02 05:20:37\r\nEnd Time,%s\r\n" +
	"Error Status,%s\r\nStatus,Done\r\n\r\nAnalyte Result\r\nAnalyte Name,Ct,EndPt,Analyte Result,Probe Check Result\r\nSARS-CoV-2,%s,178,%s,PASS\r\nSPC,28.1,90,%s,PASS\r\n\r\n"

// An export holds many tests, of which some were exported before, some are nobody's and some failed.
func TestExportOfTests(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	gx := r.xpert()
	r.tubes("X-1", "X-2", "X-3")
	const t1, t2 = "26/03/02 06:00:00", "26/03/02 07:30:00"
	first := fmt.Sprintf(export, "X-1", "Specimen", "SARS-CoV-2 POSITIVE|", t1, "OK", "24.8", "POS", "NA") +
		fmt.Sprintf(export, "X-2", "Specimen", "ERROR", t1, "ERROR 5007", "0.0", "NO RESULT", "NO RESULT") +
		fmt.Sprintf(export, "X-2", "Specimen", "SARS-CoV-2 NEGATIVE|", t2, "OK", "0.0", "NEG", "PASS") + // tested again before the export
		fmt.Sprintf(export, "QC-POS", "Positive Control 1", "SARS-CoV-2 POSITIVE|", t1, "OK", "30.1", "POS", "NA")
	m := r.hear(gx, "a.csv", first)
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	require.Equal(t, "positive called", r.said("X-1"))
	require.Equal(t, "negative called", r.said("X-2"))
	require.Equal(t, 3, r.count(`SELECT count(*) FROM runs WHERE message_id = $1`, m.ID), "two passes and the control")

	second := first + fmt.Sprintf(export, "X-3", "Specimen", "SARS-CoV-2 NEGATIVE|Flu A POSITIVE|", t2, "OK", "0.0", "NEG", "PASS") +
		fmt.Sprintf(export, "GHOST", "Specimen", "SARS-CoV-2 POSITIVE|", t2, "OK", "20.0", "POS", "NA")
	m = r.hear(gx, "b.csv", second)
	require.Equal(t, "parked", m.State)
	require.Equal(t, "tube.unknown", m.Code)
	require.JSONEq(t, `{"barcodes":["GHOST"]}`, string(m.Args))
	require.Equal(t, "negative called", r.said("X-3"), "what is known does not wait")
	require.Equal(t, 3, r.count(`SELECT count(*) FROM results`), "nothing twice")

	// Once the tube is known, the message is read again from its page.
	r.tubes("GHOST")
	require.NoError(t, r.st.AgainMessage(context.Background(), r.tech, m.ID))
	m = r.settled(m.ID)
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	require.Equal(t, "positive called", r.said("GHOST"))
	require.Equal(t, 4, r.count(`SELECT count(*) FROM results`))

	// A tube that has its result is not tested over in silence: the test stands beside it, and a supervisor is asked.
	m = r.hear(gx, "c.csv", fmt.Sprintf(export, "X-1", "Specimen", "SARS-CoV-2 NEGATIVE|", "26/03/02 09:00:00", "OK", "0.0", "NEG", "PASS"))
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	require.Equal(t, "positive called", r.said("X-1"))
	require.Equal(t, 4, r.count(`SELECT count(*) FROM results`))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM disputes WHERE code = 'X-1' AND old_call = 'positive' AND new_call = 'negative' AND settled_at IS NULL`))
	require.Equal(t, 2, r.count(`SELECT count(*) FROM readings d JOIN runs u ON u.id = d.run_id WHERE u.message_id = $1`, m.ID), "what it said is on record")
	require.Equal(t, 0, r.count(`SELECT count(*) FROM calls c JOIN runs u ON u.id = c.run_id WHERE u.message_id = $1 AND c.sample_id IS NOT NULL`, m.ID))
	again := r.hear(gx, "d.csv", "\r\n"+fmt.Sprintf(export, "X-1", "Specimen", "SARS-CoV-2 NEGATIVE|", "26/03/02 09:00:00", "OK", "0.0", "NEG", "PASS"))
	require.Equal(t, "recorded", again.State)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM disputes`), "the same test is told once")
}

func TestClockOfAnInstrument(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	gx := r.xpert()
	r.tubes("X-1", "X-2", "X-3")
	for i, end := range []string{"20260302082700", "20260302082630", "20260302083000"} { // the room's clock says 08:30 in Shanghai
		r.hear(gx, "", cartridge(fmt.Sprintf("X-%d", i+1), end, "NEGATIVE", "NEG", "PASS"))
	}
	skews, err := r.st.Skews(context.Background(), store.Scope{})
	require.NoError(t, err)
	require.Equal(t, 3, skews[gx].Messages)
	require.Equal(t, 3*time.Minute, skews[gx].Median)
	require.True(t, skews[gx].Wrong())
	var text string
	require.NoError(t, r.st.DB().Get(&text, `SELECT clock_text FROM messages WHERE id = 1`))
	require.Equal(t, "20260302082700", text)
}

func TestOrdersForAnInstrument(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ctx := context.Background()
	gx := r.xpert()
	r.tubes("X-1", "X-2", "X-3")
	got, err := r.st.OrdersFor(ctx, gx, store.Asked{Samples: []string{"X-2", "GHOST"}})
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, "X-2", got[0].Sample)
	require.Equal(t, []string{"COVPLUS"}, got[0].Tests)
	got, err = r.st.OrdersFor(ctx, gx, store.Asked{All: true})
	require.NoError(t, err)
	require.Len(t, got, 3, "an analyser without plates may take every tube that waits")
	got, err = r.st.OrdersFor(ctx, 0, store.Asked{Samples: []string{"X-2"}})
	require.NoError(t, err)
	require.Empty(t, got, "an unknown instrument learns nothing")
	other, err := r.st.AddLab(ctx, r.admin, store.Lab{Code: "L2", Name: store.Name{Zh: "二", En: "two"}})
	require.NoError(t, err)
	foreign, err := r.st.AddInstrument(ctx, r.admin, store.Instrument{Lab: other, Code: "GX-2", Model: "GeneXpert", Line: "push", Protocol: "astm"})
	require.NoError(t, err)
	got, err = r.st.OrdersFor(ctx, foreign, store.Asked{Samples: []string{"X-2"}})
	require.NoError(t, err)
	require.Empty(t, got, "another laboratory's tube")

	cycler := r.instrument(store.Instrument{Code: "M2000", Model: "m2000rt", Line: "push", Protocol: "astm"}, store.Work{})
	_, err = r.st.AddLot(ctx, r.admin, r.lab, r.kit, "L1", r.now.AddDate(1, 0, 0))
	require.NoError(t, err)
	p, err := r.st.Lay(ctx, r.tech, store.NewPlate{Lab: r.lab, Wells: 96, Kit: r.kit, Lot: "L1", Codes: []string{"X-1", "X-3"}})
	require.NoError(t, err)
	require.NoError(t, r.st.Seal(ctx, r.tech, p.ID))
	require.NoError(t, r.st.Start(ctx, r.tech, p.ID, cycler))
	before := r.count(`SELECT count(*) FROM audit`)
	got, err = r.st.OrdersFor(ctx, cycler, store.Asked{All: true})
	require.NoError(t, err)
	tubes, controls := 0, 0
	for _, w := range got {
		require.Equal(t, []string{"SARS-CoV-2"}, w.Tests, "no map: the assay's own name")
		if w.Control {
			controls++
		} else {
			tubes++
		}
	}
	require.Equal(t, 2, tubes)
	require.Positive(t, controls)
	_, err = r.st.OrdersFor(ctx, gx, store.Asked{Samples: make([]string, store.MaxAsked+1)})
	require.ErrorIs(t, err, lims.Invalid)
	require.Equal(t, before, r.count(`SELECT count(*) FROM audit`), "a question changes nothing")
}
