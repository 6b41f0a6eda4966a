package instruments

import (
	"strconv"
	"strings"

	"natlims/lims/pcr"
)

// What the workbooks of SLAN and MA-6000 have beyond their header words: merged cells, several parts below each other, samples
// named by number on a sheet of their own, and columns that only their place tells.

// slanColumns gives the columns of the sheet 实验数据 that no header word told: sample in column 3, 样品类型 in column 10. A column
// whose header names something else is never taken.
func slanColumns(h found, l *long) {
	if h.table == nil || key(h.table.Name) != key("实验数据") {
		return
	}
	if l.sample < 0 {
		l.sample = h.free(2)
	}
	if l.task < 0 {
		l.task = h.free(9)
	}
}

// free is the column where its header cell is empty, else -1.
func (h found) free(col int) int {
	if col < len(h.Names) && h.Names[col] != "" {
		return -1
	}
	return col
}

// partEnd recognises the row below a table that names the next part ("SNP Result") or heads it.
func partEnd(r Row) bool {
	c := r.At(0)
	return wellWords[key(c)] || strings.HasPrefix(c, "Quan.") || strings.HasPrefix(c, "SNP ") || strings.HasPrefix(c, "Melt") || strings.HasPrefix(c, "Standard Curve")
}

// merged repeats well, sample and type in rows that have a dye or a target of their own but no well: cells merged over the rows
// of a well keep their text in the first row only. It never gives a row the dye or target of another one.
func merged(h found, l long) found {
	rows := make([]Row, len(h.rows))
	copy(rows, h.rows)
	for i := h.Row + 2; i < len(rows); i++ {
		r, above := rows[i], rows[i-1]
		if r.At(l.well) != "" || r.At(l.dye) == "" && r.At(l.target) == "" || above.At(l.well) == "" || r.Line != above.Line+1 {
			continue
		}
		if l.dye >= 0 && r.At(l.dye) == above.At(l.dye) && r.At(l.target) == above.At(l.target) {
			continue // the same dye again is another well, whose name is lost
		}
		cells := make([]string, max(len(r.Cells), l.well+1, l.sample+1, l.task+1))
		copy(cells, r.Cells)
		for _, col := range []int{l.well, l.sample, l.task} {
			if col >= 0 && trim(cells[col]) == "" {
				cells[col] = above.At(col)
			}
		}
		rows[i].Cells = cells
	}
	h.rows = rows
	return h
}

// slanNames are the samples of the sheet 样本信息 by their number: number in column A, sample in column B.
func slanNames(f *File) map[string]string {
	rows, err := f.Table("样本信息", "Sample Info", "Sample Information").Rows()
	if err != nil {
		return nil
	}
	names := map[string]string{}
	for _, r := range rows {
		if _, ok := index(r.At(0)); ok && r.At(1) != "" {
			names[whole(r.At(0))] = r.At(1)
		}
	}
	return names
}

// named puts the names of 样本信息 in the place of sample numbers (column 11 of 定量结果 where no word names it).
func named(f *File, h found, l *long) {
	names := slanNames(f)
	if len(names) == 0 {
		return
	}
	if l.sample < 0 {
		l.sample = pick(h.Col("Sample No.", "Sample Index", "样本序号", "样品序号", "序号"), h.free(10))
	}
	last := l.fix
	l.fix = func(g *pcr.Reading) {
		g.Sample = first(names[whole(g.Sample)], g.Sample)
		if last != nil {
			last(g)
		}
	}
}

// unnamed adds a Note where nothing tells the rows of a well apart.
func unnamed(runs []pcr.Run, h found, l long) []pcr.Run {
	if l.dye < 0 && l.target < 0 && len(runs) > 0 {
		runs[0].Notes = append(runs[0].Notes, pcr.Note{Line: h.Line, Code: "target.missing", Text: "no column names the dye or the target of a row"})
	}
	return runs
}

// whole writes a number that a workbook shows as "7.0" or "1.2345E8" as the whole number that it is; other texts stay.
func whole(s string) string {
	s = trim(s)
	if !numeric(s) || !strings.ContainsAny(s, ".eE") {
		return s
	}
	if v := Number(s, Point); v == float64(int64(v)) && v >= 0 && v < 1<<53 {
		return strconv.FormatInt(int64(v), 10)
	}
	return s
}
