package reports

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var shanghai = time.FixedZone("CST", 8*3600)

func at(day, hour, minute int) time.Time {
	return time.Date(2020, 11, day, hour, minute, 0, 0, shanghai)
}

// person is a result as the line makes them; every test changes what it is about.
func person() Result {
	return Result{
		OrderID: "CDC-20201121-000417", OrderNo: 417, Version: 1,
		Subject: Subject{Kind: "person", Name: "欧阳小明", Sex: "M", BirthDate: "1985-03-09", DocType: "resident_id", DocNo: "11010519850309002X",
			Phone: "13812341234", Ward: "发热门诊", Doctor: "周敏"},
		Sample: Sample{Barcode: "31011500482913", Specimen: "NP", Mode: "single", PooledN: 1, Volume: "3 mL"},
		Times: Times{T0: at(21, 8, 12), T1: at(21, 8, 13), T2: at(21, 8, 40), T3: at(21, 9, 20), T4: at(21, 9, 45), T5: at(21, 10, 30),
			T6: at(21, 12, 2), T7: at(21, 12, 31)},
		Call: "negative",
		Arms: []Arm{{Kit: Text{"达安 DA0930 系列", "Da An Gene 2019-nCoV"}, Lot: "2020081", LoD: "500 copies/mL",
			Targets: []Target{{Name: "ORF1ab", State: "neg"}, {Name: "N", State: "neg"}, {Name: "IC", State: "pos", CqText: "26.88", Internal: true}}}},
		Instrument: "SLAN-96P #3", CheckedBy: "王芳", ReleasedBy: "赵志强", ReviewedAt: at(21, 12, 31),
		Verify: "https://lims.example.org/v/R20201121-000417-k3f9",
	}
}

func report(results ...Result) Report {
	return Report{
		ID: "R20201121-000417", Version: 1,
		Lab: Lab{Name: Text{"市第一核酸检测实验室", "First Municipal Nucleic Acid Testing Laboratory"}, Code: "LAB1",
			Address: "滨江区科技路 88 号", Phone: "0571-8600 0000", Form: "QR-PCR-012 / V3"},
		Department: Department{Name: Text{"市疾病预防控制中心", "Municipal CDC"}, Code: "CDC"},
		Line:       "cdc", Issued: at(21, 12, 32), Zone: shanghai, Lang: Chinese, Results: results,
	}
}

// crowd is n results of which some are not negative.
func crowd(n int) []Result {
	names := []string{"张三", "李秀英", "王伟", "欧阳小明", "刘洋", "陈静", "𬭎", "阿卜杜拉·买买提", "John Smith"}
	all := make([]Result, n)
	for i := range all {
		r := person()
		r.OrderID, r.OrderNo = fmt.Sprintf("CDC-%06d", i+1), int64(i+1)
		r.Subject.Name = names[i%len(names)]
		r.Sample.Barcode = fmt.Sprintf("310115%08d", 482913+i/10)
		r.Sample.Mode, r.Sample.PooledN = "mixed10", 10
		switch i {
		case 3:
			r.Call = "pending_review"
		case 5:
			r.Call = "invalid"
		case 8:
			r.Call, r.Version, r.Replaces, r.Reason = "positive", 2, "R20201120-000391", "原始结果录入孔位错误,经复核后更正"
		}
		all[i] = r
	}
	return all
}

func TestFormatsAreListedByName(t *testing.T) {
	t.Parallel()
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
		found, ok := FormatNamed(f.Name)
		require.True(t, ok)
		require.Equal(t, f.Title, found.Title)
	}
	require.Equal(t, []string{"csv", "json", "pdf", "pdf-pages"}, names)
	_, ok := FormatNamed("docx")
	require.False(t, ok)
}

func TestFileNameHoldsTheIDOnly(t *testing.T) {
	t.Parallel()
	f, _ := FormatNamed("pdf")
	r := report(person())
	require.Equal(t, "R20201121-000417.pdf", f.FileName(r))
	r.ID = "../a b/张"
	require.Equal(t, "___a_b__.pdf", f.FileName(r))
}

// Every format refuses what must not be drawn.
func TestUnfitReportsAreRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*Report)
		want   string
	}{
		"no id":         {func(r *Report) { r.ID = "" }, "without an id"},
		"no issue time": {func(r *Report) { r.Issued = time.Time{} }, "no time of issue"},
		"no results":    {func(r *Report) { r.Results = nil }, "no results"},
		"too many":      {func(r *Report) { r.Results = make([]Result, MaxResults+1) }, "expected at most 10000"},
		"language":      {func(r *Report) { r.Lang = "fr" }, `language "fr": expected zh, en or both`},
		"call":          {func(r *Report) { r.Results[0].Call = "" }, `order 417: call "": expected one of`},
		"target state":  {func(r *Report) { r.Results[0].Arms[0].Targets[1].State = "maybe" }, `target "N": state "maybe"`},
	}
	for name, c := range cases {
		for _, f := range Formats() {
			t.Run(name+"/"+f.Name, func(t *testing.T) {
				t.Parallel()
				r := report(person())
				c.change(&r)
				_, err := f.Render(r)
				require.ErrorContains(t, err, c.want)
			})
		}
	}
}

func TestSameReportSameBytes(t *testing.T) {
	t.Parallel()
	for _, f := range Formats() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			first, err := f.Render(report(crowd(30)...))
			require.NoError(t, err)
			for range 3 {
				again, err := f.Render(report(crowd(30)...))
				require.NoError(t, err)
				require.True(t, string(first) == string(again))
			}
		})
	}
}

func TestTextFallsBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text Text
		lang string
		want string
	}{
		{Text{"阴性", "Negative"}, "zh", "阴性"}, {Text{"阴性", "Negative"}, "", "阴性"}, {Text{"阴性", "Negative"}, "en", "Negative"},
		{Text{"阴性", "Negative"}, "both", "阴性 Negative"}, {Text{ZH: "阴性"}, "en", "阴性"}, {Text{EN: "Negative"}, "zh", "Negative"},
		{Text{"N", "N"}, "both", "N"}, {Text{}, "both", ""},
	} {
		require.Equal(t, c.want, c.text.In(c.lang), "%+v in %q", c.text, c.lang)
	}
}

func TestClocks(t *testing.T) {
	t.Parallel()
	times := person().Times
	a, ok := times.ClockA()
	require.True(t, ok)
	require.Equal(t, 4*time.Hour+19*time.Minute, a)
	b, ok := times.ClockB()
	require.True(t, ok)
	require.Equal(t, 3*time.Hour+11*time.Minute, b)
	times.T7 = time.Time{}
	_, ok = times.ClockA()
	require.False(t, ok)
}
