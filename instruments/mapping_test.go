package instruments_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/lims/pcr"
)

const gentier = `{"name":"gentier-96e","title":"Gentier 96E","header":["孔","结果Ct"],
 "columns":{"well":"孔","sample":"样本","target":"#4","dye":"通道","cq":"结果Ct","call":"判读","omit":"排除"},
 "none":["未扩增","40"],"empty":"none","decimal":",","encoding":"gb18030","delimiter":";"}`

func TestMapping(t *testing.T) {
	t.Parallel()
	m, err := instruments.ReadMapping([]byte(gentier))
	require.NoError(t, err)
	d, err := m.Driver()
	require.NoError(t, err)
	require.False(t, d.Verified)
	text := "运行,1,2,3\n孔;样本;通道;x;结果Ct;判读;排除\nA01;S1;FAM;ORF;28,45;阳性;\nA02;S2;FAM;ORF;未扩增;阴性;\nA03;S3;FAM;ORF;;;1\nA04;S4;FAM;ORF;坏;;\n"
	raw := gb18030(t, text)
	require.Equal(t, 99, d.Sniff(&instruments.File{Raw: raw}))
	require.Zero(t, d.Sniff(&instruments.File{Raw: []byte("Well,Cq\nA1,3\n")}))
	runs, err := d.Decode(&instruments.File{Raw: raw})
	require.NoError(t, err)
	require.Len(t, runs, 1)
	require.Equal(t, []pcr.Reading{
		{Well: "A1", Sample: "S1", Target: "ORF", Dye: "FAM", State: pcr.HasCq, Cq: 28.45, CqText: "28.45", Call: "阳性", Line: 3},
		{Well: "A2", Sample: "S2", Target: "ORF", Dye: "FAM", State: pcr.NoCq, Call: "阴性", Line: 4},
		{Well: "A3", Sample: "S3", Target: "ORF", Dye: "FAM", State: pcr.Blank, Omit: true, Line: 5},
		{Well: "A4", Sample: "S4", Target: "ORF", Dye: "FAM", State: pcr.Blank, Line: 6},
	}, runs[0].Readings)
	require.Equal(t, []pcr.Note{{Line: 6, Code: "cq.unreadable", Text: "坏"}}, runs[0].Notes)
}

func TestMappingPreview(t *testing.T) {
	t.Parallel()
	m := instruments.Mapping{Name: "x", Columns: instruments.Columns{Sample: "Tube", Target: "Assay"}}
	f := &instruments.File{Raw: []byte("[Intro]\nx\n[Data]\nWell,Tube,Ct\n1,S1,20.5\n2,S2,-\n3,S3,\n")}
	p, err := m.Preview(f, 2)
	require.NoError(t, err)
	require.Equal(t, instruments.UTF8, p.Encoding)
	require.Equal(t, []string{"", "Intro", "Data"}, p.Sheets)
	require.Equal(t, 4, p.Line)
	require.Equal(t, []string{"Well", "Tube", "Ct"}, p.Header)
	require.Equal(t, []string{"Assay"}, p.Missing)
	require.Equal(t, 3, p.Total)
	require.Len(t, p.Readings, 2)
	require.Equal(t, "1", p.Readings[0].Well)
	m.Wells, m.Sheet = 384, "^Data$"
	p, err = m.Preview(f, 9)
	require.NoError(t, err)
	require.Equal(t, "A3", p.Readings[2].Well)
	m.Sheet = "^Nothing$"
	p, err = m.Preview(f, 9)
	require.ErrorContains(t, err, instruments.CodeNoResults)
	require.Equal(t, []string{"", "Intro", "Data"}, p.Sheets, "what was found is shown though the mapping does not fit")
}

func TestMappingByRow(t *testing.T) {
	t.Parallel()
	m := instruments.Mapping{Name: "x", Row: 2, Columns: instruments.Columns{Well: "#1", Cq: "#3", Sample: "#2"}}
	d, err := m.Driver()
	require.NoError(t, err)
	runs, err := d.Decode(&instruments.File{Raw: []byte("title,a,b\np,q,r\nA1,S1,20.5\n")})
	require.NoError(t, err)
	require.Equal(t, "20.5", runs[0].Readings[0].CqText)
}

func TestPresets(t *testing.T) {
	t.Parallel()
	rows := map[string]string{
		"slan-results": "[实验数据]\n名,x\n反应孔,a,样本,通道,e,f,g,h,i,类型,k,l,Ct\nA1,,S1,FAM,,,,,,待测,,,28.5\nA1,,S1,VIC,,,,,,待测,,,NoCt\n",
		"slan-data":    "[Data]\nw,a,b,s,d,ct,f,type\nA1,,,S1,,28.5,,待测\nA1,,,S1,,-1,,待测\n",
		"slan-sheet1":  "[Sheet1]\nd,a,w,s,x,type,f,ct\n1,,A1,S1,,待测,,28.5\n1,,A1,S1,,待测,,\n",
		"ma6000-graph": "[Data&Graph]\nrow two\nwell,reporter,item,sample,e,ct,g,type\nA1,FAM,ORF,S1,,28.5,,待测\nA1,VIC,N,S1,,NoCt,,待测\n",
	}
	for _, m := range instruments.Presets() {
		if m.Row == 1 {
			m.Row = 2 // the line above holds the name of the sheet, which a workbook has elsewhere
		}
		d, err := m.Driver()
		require.NoError(t, err, m.Name)
		require.False(t, d.Verified, m.Name)
		require.Contains(t, d.Title, "unverified")
		runs, err := d.Decode(&instruments.File{Raw: []byte(rows[m.Name])})
		require.NoError(t, err, m.Name)
		require.Len(t, runs[0].Readings, 2, m.Name)
		one, two := runs[0].Readings[0], runs[0].Readings[1]
		require.Equal(t, []any{"A1", "S1", "28.5", "待测", pcr.NoCq}, []any{one.Well, one.Sample, one.CqText, one.Task, two.State}, m.Name)
	}
}

func TestMappingRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"name":"A b"}`:                                 "as name",
		`{"name":"x","decimals":","}`:                    "decimals",
		`{"name":"x","decimal":";"}`:                     "as decimal",
		`{"name":"x","empty":"negative"}`:                "an empty Cq",
		`{"name":"x","row":-1}`:                          "as header row",
		`{"name":"x","wells":48}`:                        "as number of wells",
		`{"name":"x","encoding":"big5"}`:                 "as encoding",
		`{"name":"x","delimiter":"|"}`:                   "as delimiter",
		`{"name":"x","sheet":"("}`:                       "as sheet",
		`{"name":"x","columns":{"well":"#0"}}`:           "as column",
		`{"name":"x","columns":{"well":"#99999999999"}}`: "as column",
		`[]`: "mapping",
	} {
		_, err := instruments.ReadMapping([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
	_, err := instruments.ReadMapping(make([]byte, instruments.MaxMapping+1))
	require.ErrorContains(t, err, "at most")
	_, err = instruments.Mapping{}.Driver()
	require.Error(t, err)
}

// A run of too many readings is refused, never cut short.
func TestTooManyReadings(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("Well,Sample,Cq\n")
	for range instruments.MaxRun {
		b.WriteString("A1,S-1,22.5\n")
	}
	m := instruments.Mapping{Name: "m", Header: []string{"Well", "Cq"}, Columns: instruments.Columns{Well: "Well", Sample: "Sample", Cq: "Cq"}}
	d, err := m.Driver()
	require.NoError(t, err)
	runs, err := d.Read(&instruments.File{Raw: []byte(b.String())})
	require.NoError(t, err)
	require.Len(t, runs[0].Readings, instruments.MaxRun)
	_, err = d.Read(&instruments.File{Raw: []byte(b.String() + "A2,S-2,23\n")})
	var e *instruments.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, instruments.CodeTooLarge, e.Code)
	require.Equal(t, "m", e.Driver)
}
