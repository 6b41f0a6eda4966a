package instruments

import (
	"strings"

	"natlims/instruments/astm"
	"natlims/lims/pcr"
)

// Cepheid GeneXpert Dx and Xpertise 4 to 6, ASTM (Cepheid 301-2002, 302-7279).
//
//	H|@^\|GXM-0001||GeneXpert PC^GeneXpert^6.3|||||LIS||P|1394-97|20210820144159
//	R|1|^COV^^SARSCOV2^Xpress SARS-CoV-2 plus^1^SARS-CoV-2^|NEGATIVE^|||||F||op|start|end|name^system^module^cartridge^lot^expiry
//	R|3|^COV^^SARSCOV2^^^SARS-CoV-2^Ct|^0.0|||
//
// The R records with status F are the results of the assay, the others its readings. Ct 0.0 says that there is none; it
// stands beside ERROR and NO RESULT as well, so a kit must read the call first.
func init() {
	register(Driver{Name: "genexpert-astm", Title: "Cepheid GeneXpert: ASTM", Wire: WireASTM, Verified: true,
		Sniff: func(f *File) int {
			return sniffASTM(f, 95, func(from string) bool { return strings.Contains(from, "GeneXpert") })
		},
		Decode: decodeASTM(astmRules{header: geneXpertHeader, result: geneXpertResult})})
}

func geneXpertHeader(run *pcr.Run, r *astm.Records) {
	run.Instrument, run.Software, run.Serial = r.Part(5, 2), r.Part(5, 3), ""
}

func geneXpertResult(run *pcr.Run, r *astm.Records) {
	if run.Serial == "" && r.Raw(14) != "" {
		run.Serial = r.Part(14, 2)
		run.Name = r.Part(3, 5)
	}
}
