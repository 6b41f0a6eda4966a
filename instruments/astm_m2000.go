package instruments

import "strings"

// Abbott m2000sp/rt, ASTM: one record a frame, one message a sample, one session a plate.
//
//	H|\^&|||m2000^8.1.9.0^275000001^H1P1O1R1C1L1|||||||P|1|20260112122248
//	O|1|VL0001|VL0001^HIV120126A^A7|^^^HIV0.6ml^HIV0.6ml|||||||||||||||||||||X
//	R|3|^^^HIV0.6ml^HIV0.6ml^395139^10004558^^P|-1.00|cycle number||||F||admin^…||20260112122150|275000001
//
// O-4 is id, worklist and well. The suffixes of the test code are F the result, I its interpretation, P the cycle number;
// -1.00 says that there is none. A failed sample has O-26 = X, a C record with the reason and no R.
func init() {
	register(Driver{Name: "m2000-astm", Title: "Abbott m2000: ASTM", Wire: WireASTM, Verified: true,
		Sniff: func(f *File) int {
			return sniffASTM(f, 95, func(from string) bool { return strings.HasPrefix(trim(from), "m2000") })
		},
		Decode: decodeASTM(astmRules{})})
}
