package instruments

import "strings"

// Abbott Alinity m, HL7 2.5.1 of IHE LAW: MSH-3 and SPM-2 are empty, the sample id stands in SAC-3.
//
//	OBX|1|ST|1006^HIV-1^99ABT||161,152|^Copies/mL||""|||F|||||op||Alinity m^Abbott~M00001^Abbott~…|20260112142906
//	OBX|3|NM|1006.R^HIV-1^99ABT^S_OTHER^Other Supplemental^IHELAW|HIV-1|27.03|^CN||""|||F|…
//
// The suffix of the code says what it is: none the result, I its interpretation, R the cycle number (CN; -1.00 = none), G an id.
func init() {
	register(Driver{Name: "alinity-m", Title: "Abbott Alinity m: HL7 (IHE LAW)", Wire: WireHL7, Verified: true,
		Sniff: func(f *File) int {
			return sniffHL7(f, 95, func(w wireText) bool {
				return strings.Contains(w.text[:min(len(w.text), 16<<10)], "|Alinity m^")
			})
		},
		Decode: decodeHL7(hl7Rules{})})
}
