package reports

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recallNotice is a notice of two people, one of them with a clock that runs.
func recallNotice() Notice {
	at := time.Date(2020, 11, 21, 12, 31, 0, 0, time.UTC)
	return Notice{ID: "6f9f-1", No: 41, Kind: Recall, Reason: "not_negative", Line: "cdc", Issued: at, Zone: time.FixedZone("CST", 8*3600),
		Lab: Lab{Name: Text{"第一检测机构", "Laboratory one"}, Code: "L1"}, Department: Department{Name: Text{"东社区", "East community"}, Code: "D1"},
		Barcode: "SN000123", Mode: "mixed10", Specimen: "OP", Collected: at.Add(-4 * time.Hour), CollectBy: at.Add(2 * time.Hour),
		Persons: []NoticePerson{
			{OrderID: "A-1", OrderNo: 9001, Subject: Subject{Kind: "person", Name: "张三", DocType: "resident_id", DocNo: "11010519491231002X", Phone: "13812341234"}.Masked(), Due: at.Add(3 * time.Hour)},
			{OrderID: "A-2", OrderNo: 9002, Subject: Subject{Kind: "person", Name: "John Smith", DocType: "passport", DocNo: "E12345678"}.Masked()}}}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	back := recallNotice()
	back.ID, back.No, back.Withdraws, back.Kind, back.Reason, back.CollectBy, back.Drill = "6f9f-2", 42, 41, Withdrawal, "retested", time.Time{}, true
	for name, n := range map[string]Notice{"recall": recallNotice(), "withdrawal": back} {
		for _, format := range []string{"json", "pdf"} {
			b, _, ext, err := n.Render(format)
			require.NoError(t, err)
			path := filepath.Join("testdata", "notice", name+"."+ext)
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, b, 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), string(b), path)
			for _, word := range []string{"positive", "阳性", "detected", "检出"} {
				require.NotContains(t, strings.ToLower(string(b)), word, "a notice never speaks of a result")
			}
		}
	}
}

func TestNoticeThatIsUnfit(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(*Notice){
		"no tube": func(n *Notice) { n.Barcode = "" }, "nobody": func(n *Notice) { n.Persons = nil }, "no time": func(n *Notice) { n.CollectBy = time.Time{} },
		"unknown kind": func(n *Notice) { n.Kind = "result" }, "unknown reason": func(n *Notice) { n.Reason = "POS" },
		"withdraws nothing": func(n *Notice) { n.Kind = Withdrawal }, "recall that withdraws": func(n *Notice) { n.Withdraws = 3 },
	} {
		n := recallNotice()
		spoil(&n)
		_, _, _, err := n.Render("json")
		require.Error(t, err, what)
	}
}
