package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// Exports of cycler software, written as their users write them.
//
//	quantstudio  Design & Analysis 1.x, tab-separated text with sections, the amplification curves included
//	cfx          Bio-Rad CFX Manager, Quantification Cq Results, csv
func init() {
	register(Model{Name: "quantstudio", Title: "QuantStudio export (txt) with curves", Wire: File, write: func(p Plate) []Message {
		return []Message{{Name: p.Layout.Code + "_data.txt", Bytes: quantStudio(p)}}
	}})
	register(Model{Name: "cfx", Title: "Bio-Rad CFX export (csv)", Wire: File, write: func(p Plate) []Message {
		return []Message{{Name: p.Layout.Code + " -  Quantification Cq Results.csv", Bytes: cfx(p)}}
	}})
}

const threshold = 0.2 // Delta Rn at which the Cq is read

func quantStudio(p Plate) []byte {
	var b strings.Builder
	block := map[int]string{96: "96-Well 0.2-mL Block", 384: "384-Well Block"}[p.Layout.Format.Size()]
	for _, kv := range [][2]string{{"Block Type", block}, {"Chemistry", "TAQMAN"}, {"Experiment Barcode", p.Layout.Code},
		{"Experiment File Name", `C:\Runs\` + p.Layout.Code + ".eds"}, {"Experiment Name", p.Layout.Code},
		{"Experiment Run End Time", p.Ended.Format("2006-01-02 15:04:05 PM MST")}, {"Experiment Type", "Standard Curve"},
		{"Experiment User Name", p.Operator}, {"Instrument Name", p.Serial}, {"Instrument Serial Number", p.Serial},
		{"Instrument Type", "QuantStudio(TM) 5 System"}, {"Passive Reference", "ROX"}, {"Quantification Cycle Method", "Ct"},
		{"Signal Smoothing On", "true"}, {"Stage/ Cycle where Analysis is performed", "Stage 2, Step 2"}} {
		fmt.Fprintf(&b, "* %s = %s\r\n", kv[0], kv[1])
	}
	b.WriteString("\r\n[Amplification Data]\r\nWell\tWell Position\tCycle\tTarget Name\tRn\tDelta Rn\r\n")
	rng := rand.New(rand.NewPCG(p.Seed, 1))
	for _, w := range p.Layout.Wells {
		for _, t := range p.in(w) {
			cq, ok := p.Truth(w.Code, t.Name)
			for c, y := range curve(rng, p.Cycles, cq, ok) {
				fmt.Fprintf(&b, "%d\t%s\t%d\t%s\t%.3f\t%.3f\r\n", p.Layout.Format.Index(w.Pos)+1, w.Pos, c+1, t.Name, y+0.55, y)
			}
		}
	}
	b.WriteString("\r\n[Results]\r\nWell\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tReporter\tQuencher\tCT\tCt Mean\tCt SD\t" +
		"Automatic Ct Threshold\tCt Threshold\tAutomatic Baseline\tBaseline Start\tBaseline End\tAmp Status\r\n")
	for _, w := range p.Layout.Wells {
		for _, t := range p.in(w) {
			ct, amp := "Undetermined", "No Amp"
			if cq, ok := p.Truth(w.Code, t.Name); ok {
				ct, amp = fmt.Sprintf("%.3f", cq), "Amp"
			}
			fmt.Fprintf(&b, "%d\t%s\tfalse\t%s\t%s\t%s\t%s\tNFQ-MGB\t%s\t\t\tfalse\t%.3f\ttrue\t3\t15\t%s\r\n",
				p.Layout.Format.Index(w.Pos)+1, w.Pos, clean(w.Code), t.Name, task(w), t.Dye, ct, threshold, amp)
		}
	}
	return []byte(b.String())
}

// curve is the Delta Rn of each cycle: a sigmoid that crosses the threshold at the Cq, or a flat line, with the noise of a good cycler.
func curve(rng *rand.Rand, cycles int, cq float64, ok bool) []float64 {
	const plateau, slope = 2.0, 1.3
	y := make([]float64, cycles)
	middle := cq + slope*math.Log(plateau/threshold-1)
	for c := range y {
		y[c] = (rng.Float64() - 0.5) * 0.012
		if ok {
			y[c] += plateau / (1 + math.Exp(-(float64(c+1)-middle)/slope))
		}
	}
	return y
}

func cfx(p Plate) []byte {
	var b strings.Builder
	b.WriteString("\ufeff,Well,Fluor,Target,Content,Sample,Biological Set Name,Cq,Cq Mean,Cq Std. Dev,Starting Quantity (SQ),Log Starting Quantity,SQ Mean,SQ Std. Dev,Set Point,Well Note\r\n")
	for _, t := range p.Targets { // CFX writes one dye after the other
		unknown := 0
		for _, w := range p.Layout.Wells {
			if w.Target != "" && w.Target != t.Name {
				continue
			}
			content := "Neg Ctrl"
			switch task(w) {
			case "UNKNOWN":
				unknown++
				content = fmt.Sprintf("Unkn-%02d", unknown)
			case "POSITIVE CONTROL":
				content = "Pos Ctrl"
			}
			ct := "N/A"
			if cq, ok := p.Truth(w.Code, t.Name); ok {
				ct = fmt.Sprintf("%.2f", cq)
			}
			fmt.Fprintf(&b, ",%c%02d,%s,%s,%s,%s,,%s,,,N/A,N/A,,,60.0,\r\n", 'A'+w.Pos.Row, w.Pos.Col+1, t.Dye, t.Name, content, quote(w.Code), ct)
		}
	}
	return []byte(b.String())
}

// clean keeps a name inside its column.
func clean(s string) string { return strings.NewReplacer("\t", " ", "\r", " ", "\n", " ").Replace(s) }

func quote(s string) string {
	if strings.ContainsAny(s, ",\"\r\n") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
