package instruments

// Presets are mappings for Chinese cyclers, to start from on the page where a laboratory writes its own. Sheets and columns
// come from the code of third-party readers; none was tried on an instrument, so a preset is used after a preview only. Of
// Gentier 96E, LineGene and FQD-96A no layout is known: they start from the first one.
func Presets() []Mapping {
	none := []string{"NoCt", "NoC", "-"}
	return []Mapping{
		{Name: "slan-results", Title: "Hongshi SLAN-96P/96S, sheet 实验数据 (unverified)", Sheet: "实验数据", Header: []string{"反应孔"},
			Columns: Columns{Well: "反应孔", Sample: "#3", Task: "#10", Cq: "#13", Dye: "通道"}, None: none, Empty: "none", Zero: true, Wells: 96},
		{Name: "slan-data", Title: "Hongshi SLAN, older software, sheet Data (unverified)", Sheet: "^Data$", Row: 1,
			Columns: Columns{Well: "#1", Sample: "#4", Cq: "#6", Task: "#8"}, None: none, Empty: "none", Zero: true, Wells: 96},
		{Name: "slan-sheet1", Title: "Hongshi SLAN, sheet Sheet1 (unverified)", Sheet: "^Sheet1$", Row: 1,
			Columns: Columns{Well: "#3", Sample: "#4", Task: "#6", Cq: "#8"}, None: none, Empty: "none", Zero: true, Wells: 96},
		{Name: "ma6000-graph", Title: "Yarui MA-6000, sheet Data&Graph (unverified)", Sheet: "Data&Graph", Row: 3,
			Columns: Columns{Well: "#1", Dye: "#2", Target: "#3", Sample: "#4", Cq: "#6", Task: "#8"}, None: none, Empty: "none", Zero: true, Wells: 96},
	}
}
