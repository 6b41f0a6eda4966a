package instruments

import (
	"strings"

	"natlims/instruments/astm"
	"natlims/lims/pcr"
)

// Roche: COBAS TaqMan through AMPLILINK 3.3, cobas c111, c311 and Hitachi 7600, ASTM.
//
//	H|\^&|||ALTM0000001^Roche^AMPLILINK^3.3.5.1002^Roche ASTM+^TM0000001^192.0.2.10||||||||1|20260314090241
//	R|1|^^^HI2CAP96|2.52E+3 (3.40)|cp/mL|20^10000000^TiterRanges|N||V||VL-LAB|20260310175015|20260310205415|Taqman96
//	C|2|I|TM40^ STEP_CORR-2|I
//	H|\^&|||c311^1|||||host|RSUPL^REAL|P|1
//	O|1|11625^CL-PL-24-0370         ^1^^004|R1|^^^685/\^^^687/|…
//
// TaqMan: the order names the test ALL, the result names the assay; C records carry acceptance and flags. The chemistry
// analysers say RSUPL (result upload) in H-11; c311 puts a running number before the padded sample id in O-3.
func init() {
	register(Driver{Name: "roche-astm", Title: "Roche COBAS TaqMan (AMPLILINK), cobas c111, c311, Hitachi 7600: ASTM", Wire: WireASTM, Verified: true,
		Sniff: func(f *File) int {
			w := wire(f)
			return sniffASTM(f, 90, func(from string) bool {
				return strings.Contains(from, "^Roche^") || strings.Contains(w.text[:min(len(w.text), 200)], "|RSUPL^")
			})
		},
		Decode: decodeASTM(astmRules{header: rocheHeader, sample: rocheSample})})
}

func rocheHeader(run *pcr.Run, r *astm.Records) {
	if r.Part(5, 2) != "Roche" { // c311^1: model and number
		run.Software, run.Serial = "", ""
		return
	}
	run.Instrument, run.Software = r.Part(5, 3), r.Part(5, 4)
	run.Serial = or(r.Part(5, 6), r.Part(5, 1))
}

func rocheSample(r *astm.Records) string {
	if id := trim(r.Part(3, 2)); id != "" {
		return id
	}
	return astmSample(r)
}
