package instruments

import (
	"slices"
	"strings"

	"natlims/lims/pcr"
)

// Chinese cyclers, from the code of third-party readers; no export was found in public, so none is verified with an instrument.
//
//	反应孔 … 样本 … 样品类型 … 通道 … Ct                                        Hongshi SLAN-96P/96S, sheet 实验数据, two or three rows a well
//	Well,Sample ID,Property,Target,Dye,Ct,Ct Mean,Ct SD,Concentration,…      SLAN "Quan. Result", csv and workbook
//	Well,Reporter,Item,…,Ct                                                  MA-6000, sheet Data&Graph
//
// The dye is read from its column: to pair row n with row n+1 is how the readers of others break. "NoCt", "-", "NoC", an empty
// cell and numbers from 0 down say that there is no Ct.
func init() {
	register(Driver{Name: "slan", Title: "Hongshi SLAN-96P, SLAN-96S (xlsx, xls, csv), layout not verified", Wire: WireFile, Sniff: sniffSLAN, Decode: decodeSLAN})
	register(Driver{Name: "ma6000", Title: "Yarui MA-6000 (xlsx, xls, csv), layout not verified", Wire: WireFile, Sniff: sniffBy(ma6000Head, 78), Decode: decodeMA6000})
}

// Header words by what they name; a header counts where it contains one of them. The Cq column is never found this way.
var (
	hanWell   = []string{"反应孔", "孔位", "孔号"}
	hanSample = []string{"样本名称", "样本编号", "样本ID", "样本id", "样品名称", "样品编号", "样本条码", "条码", "样本", "样品"}
	hanTarget = []string{"目标", "靶标", "基因", "检测项目", "项目"}
	hanDye    = []string{"通道", "染料", "荧光"}
	hanTask   = []string{"类型", "属性"}
)

// containing is the first column whose name contains one of the words, the first word first; columns in not are left out.
func (h Header) containing(words []string, not ...int) int {
	for _, w := range words {
		for i, n := range h.Names {
			if strings.Contains(n, w) && !slices.Contains(not, i) {
				return i
			}
		}
	}
	return -1
}

func slanHead(h Header) bool { return h.containing(hanWell) >= 0 && h.Cq() >= 0 }

func quanHead(h Header) bool {
	return h.Has("Well", "Property", "Ct") && h.Col("Dye", "Target") >= 0
}

func sniffSLAN(f *File) int {
	if _, ok := find(f, slanHead); ok {
		return 82
	}
	if _, ok := find(f, quanHead); ok {
		return 86
	}
	return 0
}

func decodeSLAN(f *File) ([]pcr.Run, error) {
	h, ok := find(f, slanHead)
	if !ok {
		if h, ok = find(f, quanHead); !ok {
			return nil, nothing("", 0, want(wantTable, "反应孔 / Well", "Ct"))
		}
	}
	l := newLong(h.Header)
	if l.well = h.containing(hanWell); l.well < 0 {
		l.well = h.Col("Well")
	}
	l.task = pick(h.Col("Property", "Type"), h.containing(hanTask))
	l.dye = pick(h.Col("Dye", "Channel", "Reporter", "Fluor"), h.containing(hanDye))
	l.target = pick(h.Col("Target", "Target Name", "Gene"), h.containing(hanTarget, l.task, l.dye))
	l.sample = pick(h.Col("Sample ID", "Sample Name", "Sample"), h.containing(hanSample, l.task, l.target))
	slanColumns(h, &l)
	return chineseTable(f, h, l, "SLAN")
}

// pick is the first column that exists.
func pick(cols ...int) int {
	for _, c := range cols {
		if c >= 0 {
			return c
		}
	}
	return -1
}

func chineseTable(f *File, h found, l long, model string) ([]pcr.Run, error) {
	l = chinese(l)
	l.stop = partEnd
	named(f, h, &l)
	runs, err := merged(h, l).run(chineseRun(h, model), l)
	return unnamed(runs, h, l), err
}

// chinese sets the words of these instruments. A row without sample and target is an unused well and says nothing.
func chinese(l long) long {
	l.rule.Zero, l.rule.Empty = true, pcr.NoCq
	l.plate = plateOf(96)
	l.stop = func(r Row) bool { // the title of the next section stands alone
		_, well := l.position(r)
		return !well && r.At(0) != "" && Row{Cells: r.Cells[1:]}.Blank()
	}
	l.fix = func(g *pcr.Reading) {
		if g.Sample == "" && g.State == pcr.NoCq && (g.Target == "" || strings.HasPrefix(g.Target, "(")) {
			g.State = pcr.Blank
		}
	}
	return l
}

// chineseRun finds what stands above the table: the experiment name in the first row, a date below it.
func chineseRun(h found, model string) pcr.Run {
	run := pcr.Run{Instrument: model}
	if h.Row > 0 {
		run.Name = h.rows[0].At(1)
	}
	for _, r := range h.rows[:h.Row] {
		for i := range r.Cells {
			switch c := r.At(i); {
			case strings.Contains(c, "SLAN-96"), strings.Contains(c, "MA6"), strings.Contains(c, "MA-6"):
				run.Instrument = c
			case strings.Contains(c, "日期") || strings.Contains(c, "时间"):
				if run.Started.Text == "" {
					run.Started = pcr.Stamp{Text: r.At(i + 1)}
				}
			}
		}
	}
	return run
}

func ma6000Head(h Header) bool {
	return h.Col("Well", "孔位", "孔号") >= 0 && h.Has("Reporter", "Item") && h.Cq() >= 0
}

func decodeMA6000(f *File) ([]pcr.Run, error) {
	h, ok := find(f, ma6000Head)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Well", "Reporter", "Item", "Ct"))
	}
	l := newLong(h.Header)
	l.dye, l.target, l.sample, l.task = h.Col("Reporter"), h.Col("Item"), h.Col("Sample ID", "Sample Name", "Sample"), h.Col("Type", "Property")
	return chineseTable(f, h, l, "MA-6000")
}
