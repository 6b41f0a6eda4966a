package web

import (
	"encoding/csv"
	"regexp"
	"strings"

	"natlims/lims"
	"natlims/lims/store"
)

// pasted is a list as it was pasted out of a spreadsheet or read from a form: columns cut by tabs, else by commas or semicolons;
// a first row of known words says which column is which, in any order.
type pasted struct {
	Text       string
	Department int64
	Rows       []pastedRow
	Registered bool // the statuses are what became of the rows, not a preview
}

// pastedRow is one row and what is said of it.
type pastedRow struct {
	Line   int
	Order  store.NewOrder
	Status string // "" good so far; refused, created, known
	Code   string
	Args   lims.Args
}

type listDefaults struct{ Category, Kind string }

// Columns by the words that head them; the first of each group is the name in the texts of the pages.
var columns = map[string][]string{
	"client":   {"编号", "申请号", "申请编号", "client_id", "client id", "number", "no", "id"},
	"name":     {"姓名", "名称", "name", "subject"},
	"doc":      {"证件号", "身份号", "身份证号", "身份证", "证件号码", "doc_no", "document", "id number"},
	"category": {"类别", "人群", "人群类别", "category"},
	"phone":    {"电话", "手机", "手机号", "联系电话", "phone", "mobile"},
	"address":  {"地址", "住址", "address"},
	"sex":      {"性别", "sex", "gender"},
	"skip":     {"序号", "row", "#"},
}

var columnsUnheaded = []string{"client", "name", "doc", "category", "phone", "address"}

var categoryWords = map[string]string{"密接": "close_contact", "密切接触者": "close_contact", "重点人群": "key_person", "发热门诊": "fever_clinic",
	"冷链": "cold_chain", "筛查": "screening", "愿检尽检": "voluntary"}

var passport = regexp.MustCompile(`^[A-Z0-9]{5,20}$`)

func readList(text string, d listDefaults) *pasted {
	p := &pasted{Text: text}
	heads := columnsUnheaded
	seen := map[string]bool{}
	for i, raw := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if strings.TrimSpace(raw) == "" {
			continue
		}
		cells := cut(raw)
		if len(p.Rows) == 0 {
			if h := headings(cells); h != nil {
				heads = h
				continue
			}
		}
		row := pastedRow{Line: i + 1, Order: orderOf(cells, heads, d)}
		if e := preview(row.Order, seen); e != nil {
			row.Status, row.Code, row.Args = "refused", e.Code, e.Args
		}
		seen[row.Order.ClientID] = true
		p.Rows = append(p.Rows, row)
		if len(p.Rows) > store.MaxRegister {
			break
		}
	}
	return p
}

// cut splits one row into its cells.
func cut(row string) []string {
	sep := '\t'
	if !strings.ContainsRune(row, sep) {
		sep = ','
		row = strings.ReplaceAll(row, "，", ",")
		if !strings.ContainsRune(row, sep) && strings.ContainsRune(row, ';') {
			sep = ';'
		}
	}
	r := csv.NewReader(strings.NewReader(row))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = sep, true, -1
	cells, err := r.Read()
	if err != nil {
		cells = strings.Split(row, string(sep))
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

// headings gives the columns that a heading row names, nil where the row is no heading: it must name the number and the name.
func headings(cells []string) []string {
	out := make([]string, len(cells))
	found := map[string]bool{}
	for i, c := range cells {
		for column, words := range columns {
			for _, w := range words {
				if strings.EqualFold(c, w) {
					out[i], found[column] = column, true
				}
			}
		}
	}
	if found["client"] && found["name"] {
		return out
	}
	return nil
}

func orderOf(cells, heads []string, d listDefaults) store.NewOrder {
	at := func(column string) string {
		for i, h := range heads {
			if h == column && i < len(cells) {
				return cells[i]
			}
		}
		return ""
	}
	o := store.NewOrder{ClientID: at("client"), Category: lims.Category(d.Category),
		Subject: lims.Subject{Kind: lims.SubjectKind(d.Kind), Name: at("name"), DocNo: at("doc"), Phone: at("phone"), Address: at("address")}}
	if c := at("category"); c != "" {
		if word, ok := categoryWords[c]; ok {
			c = word
		}
		o.Category = lims.Category(c)
	}
	switch strings.ToLower(at("sex")) {
	case "男", "m", "male":
		o.Subject.Sex = "m"
	case "女", "f", "female":
		o.Subject.Sex = "f"
	}
	if no, ok := lims.ResidentID(o.Subject.DocNo); ok || len(no) == 18 {
		o.Subject.DocType, o.Subject.DocNo = "resident_id", no
	} else if passport.MatchString(o.Subject.DocNo) {
		o.Subject.DocType = "passport"
	} else if o.Subject.DocNo != "" {
		o.Subject.DocType = "other"
	}
	return o
}

// preview says what is wrong with a row before it is registered; the store has the last word.
func preview(o store.NewOrder, seen map[string]bool) *lims.Error {
	switch {
	case o.ClientID == "":
		return lims.E(lims.Invalid, "order.client_id", nil)
	case seen[o.ClientID]:
		return lims.E(lims.Invalid, "order.twice", nil)
	case o.Subject.Name == "":
		return lims.E(lims.Invalid, "order.name", nil)
	case o.Category.Priority() == 0:
		return lims.E(lims.Invalid, "order.category", lims.Args{"got": string(o.Category)})
	}
	if o.Subject.DocType == "resident_id" {
		if _, ok := lims.ResidentID(o.Subject.DocNo); !ok {
			return lims.E(lims.Invalid, "order.resident_id", nil)
		}
	}
	return nil
}

// good is the orders that may be registered, and the row of each.
func (p *pasted) good() (orders []store.NewOrder, at []int) {
	for i, r := range p.Rows {
		if r.Status != "refused" {
			orders, at = append(orders, r.Order), append(at, i)
		}
	}
	return orders, at
}

func (p *pasted) count() (created, known, refused int) {
	for _, r := range p.Rows {
		switch r.Status {
		case "created":
			created++
		case "known":
			known++
		case "refused":
			refused++
		}
	}
	return created, known, refused
}

// Good and Bad count the rows; Wrong is the refused rows, which the page lists in full.
func (p *pasted) Good() int {
	orders, _ := p.good()
	return len(orders)
}

// Wrong lists the refused rows.
func (p *pasted) Wrong() []pastedRow {
	var wrong []pastedRow
	for _, r := range p.Rows {
		if r.Status == "refused" {
			wrong = append(wrong, r)
		}
	}
	return wrong
}

// Head lists the first good rows, for a look at how the columns were read.
func (p *pasted) Head() []pastedRow {
	var head []pastedRow
	for _, r := range p.Rows {
		if r.Status != "refused" && len(head) < 8 {
			head = append(head, r)
		}
	}
	return head
}
