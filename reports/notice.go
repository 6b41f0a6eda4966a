package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// A notice tells a department at once, before anybody has signed, that the members of a tube are under verification and have to
// be swabbed again, singly, or that this is no longer so. It is not a result: it says nothing of any person but that, and its
// words have no place for a call (domain 1.9: "the pool result is not reported as a person result").

// NoticeSchema names the shape of the JSON notice. Within v1 fields are only added.
const NoticeSchema = "natlims.notice/v1"

// Kinds of a notice.
const (
	Recall     = "recall"
	Withdrawal = "withdrawal"
)

// Notice is one notice to one department.
type Notice struct {
	ID         string // of the delivery
	No         int64  // of the notice: the same at every destination
	Withdraws  int64  // Withdrawal: the number of the recall that ends
	Kind       string // Recall, Withdrawal
	Reason     string // code: not_negative, invalid, volume; of a withdrawal: see noticeReasons
	Lab        Lab
	Department Department
	Line       string
	Issued     time.Time
	Zone       *time.Location
	Lang       string
	Drill      bool
	Barcode    string // the tube that was read
	Mode       string // of that tube
	Specimen   string
	PoolOf     int       // tubes mixed in the laboratory, where such a pool decided
	Collected  time.Time // T0 of that tube
	CollectBy  time.Time // Recall: when the new single tubes have to be taken
	Persons    []NoticePerson
}

// NoticePerson is one member of the tube.
type NoticePerson struct {
	OrderID string // the department's own id
	OrderNo int64
	Subject Subject   // masked where the destination asks for it
	Due     time.Time // the person's own clock, which goes on; zero where unknown
}

var (
	notResult = Text{"本通知不是检测结果，不得据此对任何人下结论。", "This is not a test result; nothing about any person may be concluded from it."}
	verifying = Text{"待复核", "Under verification"}
	lifted    = Text{"复核通知已撤回", "Notice withdrawn"}

	noticeTitles = map[string]Text{
		Recall:     {"待复核重采通知", "Recall notice: under verification"},
		Withdrawal: {"待复核重采通知撤回", "Recall notice withdrawn"},
	}
	noticeAsks = map[string]Text{
		Recall:     {"请对以下人员立即重新采样：一人一管（单采），在截止时间前采集并送检；结果发出前不得放行。", "Swab these persons again now, one person one tube, before the time given, and send the tubes in; nobody is cleared until a result is issued."},
		Withdrawal: {"以下人员不必再按该通知重采。已经重采的单管照常检测；结果以正式报告为准。", "These persons need not be swabbed again because of that notice. Tubes already taken are tested as usual; the signed report counts."},
	}
	noticeReasons = map[string]Text{
		"not_negative": {"该管检测未判为阴性", "the tube was not negative"},
		"invalid":      {"该管检测无效", "the test of the tube was invalid"},
		"volume":       {"混检未判为阴性，原管余量不足以单独检测", "the pool was not negative and too little is left of the tube to test it singly"},
		"retested":     {"原管复检为阴性", "the tube was tested again and is negative"},
		"annulled":     {"原检测已作废，原管将重新检测", "the test was annulled; the tube is tested again"},
	}
)

// singleTube is how the new tube is filled.
var singleTube = Text{"单采（1人1管）", "single (one person, one tube)"}

// Check says what makes a notice unfit to be sent.
func (n Notice) Check() error {
	switch {
	case n.ID == "" || n.No == 0 || n.Issued.IsZero() || n.Barcode == "":
		return fmt.Errorf("notice %q: expected an id, a number, a time and a tube", n.ID)
	case len(n.Persons) == 0 || len(n.Persons) > MaxResults:
		return fmt.Errorf("notice %q: %d persons: expected 1 to %d", n.ID, len(n.Persons), MaxResults)
	case noticeTitles[n.Kind].ZH == "" || n.Kind == Recall && n.CollectBy.IsZero() || (n.Kind == Withdrawal) != (n.Withdraws != 0):
		return fmt.Errorf("notice %q: kind %q: expected a recall with a time, or a withdrawal of a recall", n.ID, n.Kind)
	case noticeReasons[n.Reason].ZH == "":
		return fmt.Errorf("notice %q: reason %q has no text", n.ID, n.Reason)
	}
	return nil
}

// jsonNotice is the wire form; instants are RFC 3339 in UTC.
type jsonNotice struct {
	Schema     string       `json:"schema"`    // always
	Notice     string       `json:"notice_id"` // always; the delivery
	No         int64        `json:"notice_no"` // always
	Kind       string       `json:"kind"`      // always; recall, withdrawal
	Withdraws  int64        `json:"withdraws_no,omitempty"`
	IsResult   bool         `json:"is_result"` // always false
	Statement  Text         `json:"statement"` // always
	Ask        Text         `json:"ask"`       // always; what is to be done
	Reason     string       `json:"reason"`    // always; code
	ReasonText Text         `json:"reason_text"`
	Issued     instant      `json:"issued"`
	Drill      bool         `json:"drill"`
	Line       string       `json:"line,omitempty"`
	Lab        jsonUnit     `json:"lab"`
	Department jsonUnit     `json:"department"`
	Tube       jsonTube     `json:"tube"`
	Collect    *jsonCollect `json:"collect,omitempty"` // of a recall
	Persons    []jsonMember `json:"persons"`
}

type jsonTube struct {
	Barcode   string   `json:"barcode"`
	Mode      string   `json:"mode"`
	Specimen  string   `json:"specimen"`
	Persons   int      `json:"persons"`
	PoolOf    int      `json:"pool_of,omitempty"`
	Collected *instant `json:"collected,omitempty"`
}

type jsonCollect struct {
	Mode     string  `json:"mode"` // single
	ModeText Text    `json:"mode_text"`
	By       instant `json:"by"`
}

type jsonMember struct {
	OrderID    string      `json:"order_id"`
	OrderNo    int64       `json:"order_no"`
	Status     string      `json:"status"` // under_verification, withdrawn; never a result
	StatusText Text        `json:"status_text"`
	Subject    jsonSubject `json:"subject"`
	Due        *instant    `json:"deadline_at,omitempty"`
}

// Render writes the notice for a destination that takes its reports in a format: JSON where it takes JSON, else a text that
// people read. It gives the MIME type and the end of a file name.
func (n Notice) Render(format string) (b []byte, mime, ext string, err error) {
	if err := n.Check(); err != nil {
		return nil, "", "", err
	}
	if format == "json" {
		b, err = n.json()
		return b, "application/json", "notice.json", err
	}
	return n.text(), "text/plain; charset=utf-8", "notice.txt", nil
}

func (n Notice) status() (string, Text) {
	if n.Kind == Withdrawal {
		return "withdrawn", lifted
	}
	return "under_verification", verifying
}

func (n Notice) json() ([]byte, error) {
	out := jsonNotice{Schema: NoticeSchema, Notice: n.ID, No: n.No, Kind: n.Kind, Withdraws: n.Withdraws, Statement: notResult, Ask: noticeAsks[n.Kind],
		Reason: n.Reason, ReasonText: noticeReasons[n.Reason], Issued: instant(n.Issued), Drill: n.Drill, Line: n.Line,
		Lab:        jsonUnit{Code: n.Lab.Code, Name: both(n.Lab.Name), Address: n.Lab.Address, Phone: n.Lab.Phone},
		Department: jsonUnit{Code: n.Department.Code, Name: both(n.Department.Name)},
		Tube:       jsonTube{Barcode: n.Barcode, Mode: n.Mode, Specimen: n.Specimen, Persons: len(n.Persons), PoolOf: n.PoolOf, Collected: known(n.Collected)}}
	if n.Kind == Recall {
		out.Collect = &jsonCollect{Mode: "single", ModeText: singleTube, By: instant(n.CollectBy)}
	}
	code, words := n.status()
	for _, p := range n.Persons {
		s := p.Subject
		out.Persons = append(out.Persons, jsonMember{OrderID: p.OrderID, OrderNo: p.OrderNo, Status: code, StatusText: words, Due: known(p.Due),
			Subject: jsonSubject{Kind: s.Kind, Name: s.Name, Sex: s.Sex, DocType: s.DocType, DocNo: s.DocNo, Phone: s.Phone}})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(out)
	return b.Bytes(), err
}

// text is the notice as people read it, both languages below each other, lines as in Windows.
func (n Notice) text() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	at := func(t time.Time) string { return Report{Zone: n.Zone}.local(t) }
	pair := func(t Text) { line("%s", t.ZH); line("%s", t.EN) }
	if n.Drill {
		pair(Text{"【演练】", "[DRILL]"})
	}
	pair(noticeTitles[n.Kind])
	pair(notResult)
	line("")
	line("编号 No. %d    %s", n.No, at(n.Issued))
	if n.Withdraws != 0 {
		line("撤回 Withdraws No. %d", n.Withdraws)
	}
	line("检测机构 Laboratory: %s", n.Lab.Name.In(Both))
	line("送检单位 Department: %s", n.Department.Name.In(Both))
	line("样本管 Tube: %s (%d 人 persons)", n.Barcode, len(n.Persons))
	line("原因 Reason: %s", noticeReasons[n.Reason].In(Both))
	line("")
	pair(noticeAsks[n.Kind])
	if n.Kind == Recall {
		line("采样方式 Collect: %s", singleTube.In(Both))
		line("截止时间 Before: %s", at(n.CollectBy))
	}
	line("")
	_, words := n.status()
	for i, p := range n.Persons {
		line("%2d. %s  %s  %s  %s", i+1, p.OrderID, p.Subject.Name, p.Subject.Phone, words.In(Both))
	}
	return b.Bytes()
}
