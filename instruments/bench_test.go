package instruments_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
)

// export is a QuantStudio text export of 384 wells and three targets: 1,152 rows of results.
func export(tb testing.TB) []byte {
	raw, err := os.ReadFile("testdata/quantstudio-da1/sections.txt")
	require.NoError(tb, err)
	head, _, _ := strings.Cut(string(raw), "[Sample Setup]")
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(head, "96-Well", "384-Well") + "[Results]\n")
	b.WriteString("Well\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tReporter\tQuencher\tCT\tCt Mean\tCt SD\tQuantity\tQuantity Mean\tQuantity SD\t" +
		"Automatic Ct Threshold\tCt Threshold\tAutomatic Baseline\tBaseline Start\tBaseline End\tComments\tAmp Score\tCq Conf\tHIGHSD\tNOAMP\n")
	for i := range 1152 {
		well := i / 3
		ct := fmt.Sprintf("%.3f", 20+float64(i%200)/10)
		if i%7 == 0 {
			ct = "Undetermined"
		}
		fmt.Fprintf(&b, "%d\t%c%d\tfalse\tS%05d\t%s\tUNKNOWN\tFAM\tNFQ-MGB\t%s\t27.211\t0.063\t5,720.562\t5,314.592\t227.193\ttrue\t0.074\ttrue\t3\t23\t\t1.198\t0.989\tN\tN\n",
			well+1, 'A'+well/24, well%24+1, well, []string{"ORF1ab", "N", "IC"}[i%3], ct)
	}
	return []byte(b.String())
}

// BenchmarkExport reads 1,152 rows by content, and for comparison with encoding/csv, which makes cells only.
func BenchmarkExport(b *testing.B) {
	raw := export(b)
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			runs, err := instruments.Decode(&instruments.File{Raw: raw}, "")
			if err != nil || len(runs[0].Readings) != 1152 {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-csv", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			r := csv.NewReader(strings.NewReader(string(raw)))
			r.Comma, r.FieldsPerRecord, r.LazyQuotes = '\t', -1, true
			if _, err := r.ReadAll(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
