package instruments

import (
	"strings"

	"natlims/instruments/hl7"
	"natlims/lims/pcr"
)

// Cepheid GeneXpert Dx and Xpertise 4 to 6, HL7 2.5 (Cepheid 301-2002 chapter 9).
//
//	MSH|^~\&|GeneXpert PC^GeneXpert^6.5||LIS||20260917183827||ORU^R32^ORU_R30|GXM-0003|P|2.5
//	OBX|1|ST|CTNG&CT&CT-NG IUO Assay&1|CT|NOT DETECTED^||||||F|||||^operator||expiry~lot~cartridge~module~system~name
//	OBX|3|ST|CTNG&CT|CT1&Ct|^0.0||
//	SPM|1|S-0001^||ORH|||||||P
//
// Values are "TEXT^" or "^number"; Ct 0.0 says that there is none.
func init() {
	register(Driver{Name: "genexpert-hl7", Title: "Cepheid GeneXpert: HL7", Wire: WireHL7, Verified: true,
		Sniff: func(f *File) int {
			return sniffHL7(f, 95, func(w wireText) bool { return strings.Contains(w.from, "GeneXpert") })
		},
		Decode: decodeHL7(hl7Rules{header: func(run *pcr.Run, m hl7.Parsed) {
			run.Instrument = m.D.Unescape(m.D.Part(m.Field("MSH", 3), 2))
		}, result: geneXpertDevice})})
}

// geneXpertDevice reads OBX-18, which is ordered otherwise than the standard: expiry~lot~cartridge~module~system~name.
func geneXpertDevice(d *hl7Decoder, _ *pcr.Reading, obx string) {
	if d.run.Serial != "" {
		return
	}
	if reps := strings.Split(d.m.D.At(obx, 18), string(rune(d.m.D.Repeat))); len(reps) >= 5 {
		d.run.Serial = d.m.D.Unescape(reps[4])
	}
	if assay := strings.Split(d.m.D.At(obx, 3), string(rune(d.m.D.Sub))); len(assay) > 2 && d.run.Name == "" {
		d.run.Name = d.m.D.Unescape(assay[2])
	}
}
