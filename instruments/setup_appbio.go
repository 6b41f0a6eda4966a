package instruments

import (
	"fmt"
	"strings"

	"natlims/lims/plate"
)

// Plate files for QuantStudio, 7500 and StepOne: the [Sample Setup] section of their own text export, with "Not Started" as
// the end of the run. Targets, dyes and colours are left to the assay's template on the cycler, except where a well measures one target
// only: there the layout names it.
//
//	* Experiment Run End Time = Not Started
//	[Sample Setup]
//	Well→Well Position→Sample Name→Sample Color→Biogroup Name→…→Task→Reporter→Quencher→Quantity→Comments

var setupColumns = []string{"Sample Name", "Sample Color", "Biogroup Name", "Biogroup Color", "Target Name", "Target Color", "Task", "Reporter", "Quencher", "Quantity", "Comments"}

func setupQuantStudio(l plate.Layout) (SetupFile, error) {
	return appbioSetup(l, fmt.Sprintf("%d-Well Block", l.Format.Size()), "QuantStudio(TM) System", true)
}

func setup7500(l plate.Layout) (SetupFile, error) {
	if l.Format != plate.F96 {
		return SetupFile{}, fmt.Errorf("plate %q of %d wells: expected 96, the only plate of StepOnePlus and 7500", l.Code, l.Format.Size())
	}
	return appbioSetup(l, "96well", "sds7500", false)
}

func appbioSetup(l plate.Layout, block, instrument string, indexed bool) (SetupFile, error) {
	if err := checkLayout(l); err != nil {
		return SetupFile{}, err
	}
	var b strings.Builder
	for _, kv := range [][2]string{{"Block Type", block}, {"Chemistry", "TAQMAN"}, {"Experiment Barcode", oneCell(l.Code)}, {"Experiment Run End Time", "Not Started"},
		{"Instrument Type", instrument}, {"Passive Reference", "ROX"}} {
		fmt.Fprintf(&b, "* %s = %s\r\n", kv[0], kv[1])
	}
	b.WriteString("\r\n[Sample Setup]\r\nWell\t")
	if indexed {
		b.WriteString("Well Position\t")
	}
	b.WriteString(strings.Join(setupColumns, "\t") + "\r\n")
	for _, w := range l.Wells {
		if indexed {
			fmt.Fprintf(&b, "%d\t", l.Format.Index(w.Pos)+1)
		}
		fmt.Fprintf(&b, "%s\t%s\t\t\t\t%s\t\t%s\t%s\t\t\t%s\r\n", w.Pos, oneCell(w.Code), oneCell(w.Target), appbioTask(w.Role), oneCell(w.Dye), oneCell(w.Arm))
	}
	return SetupFile{Name: fileName(l.Code, "-setup.txt"), Type: "text/plain; charset=utf-8", Bytes: []byte(b.String())}, nil
}

// appbioTask is the task of a role. Design & Analysis knows no positive control in a plate file: it stays UNKNOWN and is known by its name.
func appbioTask(r plate.Role) string {
	switch r {
	case plate.Negative, plate.NoTemplate, plate.Extraction, plate.Saline:
		return "NTC"
	}
	return "UNKNOWN"
}
