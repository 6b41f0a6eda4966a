package instruments

import (
	"strconv"
	"strings"

	"natlims/instruments/hl7"
	"natlims/lims/pcr"
)

// Roche cobas 4800 (2.3), 5800 (X800 DM) and 6800/8800, HL7 2.5 and 2.5.1.
//
//	5800  OBX|1|NM|HIV^HIV^99ROC|1|367|10*-1.{copies}/mL^^UCUM||VAL^^99ROC|||F|||||op||c5800^Roche~c5800.2709^Roche|20260404180624
//	6800  OBX|1|ST|HIV^HIV^99ROC||ValueNotSet|||BT|||F|…
//	6800  OBX|2|NA|HIV^HIV^99ROC^S_OTHER^Other Supplemental^IHELAW||41.47^^37.53||||||F|…
//	4800  OBX|2|ST|0BHIV1^0BHIV1^99ROC|1.1|3.26E+05 cp/mL|1/mL^^UCUM||Full^^99ROC|||F|…
//
// A quantity is a mantissa with its power of ten in the unit: 367 x 10*-1 = 36.7 copies/mL, shown as the call, while value
// and unit stand as they came. ND = not detected, BT = below titre; a failed result has OBX-11 = X and its reasons in OBX-8.
// The 6800's NA value holds cycle numbers: first the target, last the internal control; an empty first one says nothing.
// SPM-11 of the 4800 is Q for patients and controls alike: controls are known by their INV segment.
func init() {
	register(Driver{Name: "cobas-hl7", Title: "Roche cobas 4800, 5800, 6800, 8800: HL7", Wire: WireHL7, Verified: true,
		Sniff: func(f *File) int {
			return sniffHL7(f, 95, func(w wireText) bool {
				from := strings.ToLower(w.from)
				return strings.HasPrefix(from, "cobas") || strings.HasPrefix(from, "x800")
			})
		},
		Decode: decodeHL7(hl7Rules{header: cobasHeader, result: cobasResult, other: cobasPlate, quiet: cobasQuiet})})
}

// cobasQuiet are flags of ordinary results: valid, not detected, below titre, (non-)reactive, full process.
var cobasQuiet = map[string]bool{"VAL": true, "ND": true, "BT": true, "RR": true, "NR": true, "Full": true}

func cobasHeader(run *pcr.Run, m hl7.Parsed) {
	name, version, ok := strings.Cut(m.Text("MSH", 3), " software ")
	run.Instrument = name
	if ok {
		run.Software = version
		run.Serial = m.D.Unescape(m.D.Part(m.Field("MSH", 3), 2))
	}
}

func cobasResult(d *hl7Decoder, g *pcr.Reading, obx string) {
	if g.Task == "Q" {
		g.Task = ""
	}
	flag := d.m.D.First(d.m.D.At(obx, 8))
	switch {
	case g.Status == "X":
		g.Call = "FAILED"
	case flag == "ND":
		g.Call = "Target Not Detected"
	case flag == "BT":
		g.Call = "< Titer min"
	case g.Value == "ValueNotSet":
		g.Call = ""
	}
	if amount, unit, ok := powerOfTen(g.Value, g.Unit); ok {
		g.Call = amount + " " + unit
	}
	if d.m.D.At(obx, 2) == "NA" && strings.HasSuffix(g.Target, "IHELAW") {
		if ct, _, _ := strings.Cut(g.Value, "^"); ct != "" {
			setCq(g, ct)
		}
		g.Call = ""
	}
}

// powerOfTen reads a mantissa with a unit such as 10*-1.{copies}/mL; digits are shifted, nothing is computed or rounded.
func powerOfTen(mantissa, unit string) (amount, rest string, ok bool) {
	power, rest, ok := strings.Cut(strings.TrimPrefix(unit, "10*"), ".")
	n, err := strconv.Atoi(power)
	if !ok || err != nil || !strings.HasPrefix(unit, "10*") || mantissa == "" || !digits(mantissa) || n < -9 || n > 12 {
		return "", "", false
	}
	rest = strings.NewReplacer("{", "", "}", "").Replace(rest)
	if n >= 0 {
		return mantissa + strings.Repeat("0", n), rest, true
	}
	for len(mantissa) <= -n {
		mantissa = "0" + mantissa
	}
	i := len(mantissa) + n
	return mantissa[:i] + "." + mantissa[i:], rest, true
}

// cobasPlate takes the microwell plate of a 4800 result from the INV segments behind it: INV|""|…|MwpId^^99ROC|OE3951553^^99ROC|A01^^99ROC.
func cobasPlate(d *hl7Decoder, seg string) {
	if hl7.ID(seg) == "INV" && len(d.run.Readings) > 0 && strings.HasPrefix(d.m.D.At(seg, 4), "MwpId") {
		d.run.Readings[len(d.run.Readings)-1].Plate = d.m.D.First(d.m.D.At(seg, 5))
	}
}
