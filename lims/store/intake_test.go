package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/lims"
	"natlims/lims/store"
)

// row is what became of an order, in short.
func row(r store.Registered) string { return strings.TrimSpace(r.Status + " " + r.Code) }

func TestRegisterTwiceIsOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	born := time.Date(1990, 5, 6, 0, 0, 0, 0, time.UTC)
	a := l.order(lims.KeyPerson)
	a.Subject.BirthDate = &born
	first, err := l.st.Register(l.ctx, l.desk, l.dep, []store.NewOrder{a})
	require.NoError(t, err)
	require.Equal(t, "created", row(first[0]))
	a.ClientID, a.Subject.Name, a.Subject.DocNo = " "+a.ClientID+" ", a.Subject.Name+" ", "11010519491231002x" // the same, typed otherwise
	again, err := l.st.Register(l.ctx, l.desk, l.dep, []store.NewOrder{a})
	require.NoError(t, err)
	require.Equal(t, "known", row(again[0]))
	require.Equal(t, first[0].OrderID, again[0].OrderID)
	a.Subject.Phone = "13900000000"
	other, err := l.st.Register(l.ctx, l.desk, l.dep, []store.NewOrder{a})
	require.NoError(t, err)
	require.Equal(t, "refused order.differs", row(other[0]))
	elsewhere, err := l.st.Register(l.ctx, l.desk2, l.dep2, []store.NewOrder{a})
	require.NoError(t, err)
	require.Equal(t, "created", row(elsewhere[0]), "another department has numbers of its own")
	require.Equal(t, 2, get[int](l, `SELECT count(*) FROM orders`))
	require.Equal(t, 2, get[int](l, `SELECT count(*) FROM subjects`), "what was refused left nothing behind")
	require.Equal(t, "13800001234", get[string](l, `SELECT phone FROM subjects ORDER BY id LIMIT 1`), "nothing is overwritten")
}

func TestRegisterRefusesRowByRow(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	future := l.clock.now().Add(48 * time.Hour)
	tests := []struct {
		code string
		bad  func(*store.NewOrder)
	}{
		{"", func(*store.NewOrder) {}},
		{"", func(o *store.NewOrder) { o.Subject.Name = strings.Repeat("名", 200) }},
		{"", func(o *store.NewOrder) { o.Subject = lims.Subject{Kind: lims.Packaging, Name: "冷冻牛肉外包装"} }},
		{"order.client_id", func(o *store.NewOrder) { o.ClientID = "  " }},
		{"order.client_id", func(o *store.NewOrder) { o.ClientID = strings.Repeat("1", 65) }},
		{"order.name", func(o *store.NewOrder) { o.Subject.Name = " " }},
		{"order.name", func(o *store.NewOrder) { o.Subject.Name = strings.Repeat("名", 201) }},
		{"order.subject_kind", func(o *store.NewOrder) { o.Subject.Kind = "animal" }},
		{"order.category", func(o *store.NewOrder) { o.Category = "vip" }},
		{"order.sex", func(o *store.NewOrder) { o.Subject.Sex = "x" }},
		{"order.birth_date", func(o *store.NewOrder) { o.Subject.BirthDate = &future }},
		{"order.resident_id", func(o *store.NewOrder) { o.Subject.DocNo = "110105194912310021" }},
		{"order.too_long", func(o *store.NewOrder) { o.Subject.Phone = strings.Repeat("1", 41) }},
		{"order.too_long", func(o *store.NewOrder) { o.Subject.Address = strings.Repeat("路", 401) }},
		{"input.malformed", func(o *store.NewOrder) { o.Subject.Name = "张\x00伟" }},
		{"input.malformed", func(o *store.NewOrder) { o.Subject.Address = "\x00" }},
	}
	list := make([]store.NewOrder, len(tests))
	good := 0
	for i, tt := range tests {
		list[i] = l.order(lims.Screening)
		tt.bad(&list[i])
		if tt.code == "" {
			good++
		}
	}
	list = append(list, list[0]) // and one twice
	out, err := l.st.Register(l.ctx, l.desk, l.dep, list)
	require.NoError(t, err)
	for i, tt := range tests {
		want := "created"
		if tt.code != "" {
			want = "refused " + tt.code
		}
		require.Equal(t, want, row(out[i]), "%d", i)
	}
	require.Equal(t, "refused order.twice", row(out[len(tests)]))
	require.Equal(t, good, get[int](l, `SELECT count(*) FROM orders`), "every good row is kept")
	require.Equal(t, 360, get[int](l, `SELECT DISTINCT limit_b FROM orders`), "under the policy of the day")
}

func TestRegisterForWhom(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, by := range []lims.Actor{l.tech, l.chief, l.desk, l.machine} {
		_, err := l.st.Register(l.ctx, by, l.dep, []store.NewOrder{l.order(lims.KeyPerson)})
		require.NoError(t, err, by.Login)
	}
	_, err := l.st.Register(l.ctx, l.desk2, l.dep, []store.NewOrder{l.order(lims.KeyPerson)})
	refused(t, err, lims.NotFound, "not_found")
	_, err = l.st.Register(l.ctx, l.releaser, l.dep, []store.NewOrder{l.order(lims.KeyPerson)})
	refused(t, err, lims.Denied, "role.needed")
	_, err = l.st.Register(l.ctx, l.tech, 987654, []store.NewOrder{l.order(lims.KeyPerson)})
	refused(t, err, lims.NotFound, "not_found")
	_, err = l.st.Register(l.ctx, l.tech, l.dep, nil)
	refused(t, err, lims.Invalid, "orders.count")
	_, err = l.st.Register(l.ctx, l.tech, l.dep, make([]store.NewOrder, store.MaxRegister+1))
	refused(t, err, lims.Invalid, "orders.count")
}

// Without a policy there is no deadline, and so no order.
func TestRegisterNeedsAPolicy(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.clock.step(-72 * time.Hour)
	_, err := l.st.Register(l.ctx, l.tech, l.dep, []store.NewOrder{l.order(lims.KeyPerson)})
	refused(t, err, lims.Invalid, "policy.none")
	l.clock.step(72 * time.Hour)
	l.id(l.st.AddPolicy(l.ctx, l.root, "tomorrow", "test", l.clock.now().Add(24*time.Hour), lims.Policy{
		Limits: map[lims.Category]lims.Limit{lims.KeyPerson: {A: 300, B: 240}}}))
	today := l.orders(l.dep, 1, lims.KeyPerson)[0]
	l.clock.step(25 * time.Hour)
	tomorrow := l.orders(l.dep, 1, lims.KeyPerson)[0]
	_, err = l.st.Register(l.ctx, l.tech, l.dep, []store.NewOrder{l.order(lims.Voluntary)})
	refused(t, err, lims.Invalid, "policy.no_limit")
	require.Equal(t, 360, get[int](l, `SELECT limit_b FROM orders WHERE client_id = $1`, today))
	require.Equal(t, 240, get[int](l, `SELECT limit_b FROM orders WHERE client_id = $1`, tomorrow))
}

// The same list from two lines at once is still registered once.
func TestRegisterAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	list := make([]store.NewOrder, 200)
	for i := range list {
		list[i] = l.order(lims.Screening)
	}
	const n = 4
	outs := make([][]store.Registered, n)
	var work []func() error
	for i := range n {
		mine := append([]store.NewOrder(nil), list...)
		work = append(work, func() (err error) {
			outs[i], err = l.st.Register(l.ctx, l.desk, l.dep, mine)
			return err
		})
	}
	for _, err := range together(work...) {
		require.NoError(t, err)
	}
	for i := range list {
		created := 0
		for _, out := range outs {
			require.Equal(t, outs[0][i].OrderID, out[i].OrderID)
			require.Empty(t, out[i].Code)
			if out[i].Status == "created" {
				created++
			}
		}
		require.Equal(t, 1, created)
	}
	require.Equal(t, len(list), get[int](l, `SELECT count(*) FROM orders`))
}

// Whatever is sent, and however it is cut into calls and repeated: one order a number, with the content that came first.
func TestRegisterModel(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	model := map[string]string{}
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		n := rapid.IntRange(1, 12).Draw(t, "n")
		list := make([]store.NewOrder, n)
		want := make([]string, n)
		inCall := map[string]bool{}
		for i := range list {
			id := fmt.Sprintf("M-%d", rapid.IntRange(0, 30).Draw(t, "id"))
			name := rapid.SampledFrom([]string{"甲", "乙"}).Draw(t, "name")
			list[i] = store.NewOrder{ClientID: id, Category: lims.Screening, Subject: lims.Subject{Kind: lims.Person, Name: name}}
			was, there := model[id]
			switch {
			case inCall[id]:
				want[i] = "refused order.twice"
			case !there:
				model[id], want[i] = name, "created"
			case was == name:
				want[i] = "known"
			default:
				want[i] = "refused order.differs"
			}
			inCall[id] = true
		}
		out, err := l.st.Register(l.ctx, l.desk, l.dep, list)
		require.NoError(t, err)
		for i, r := range out {
			require.Equal(t, want[i], row(r))
		}
	})
	kept := map[string]string{}
	for _, pair := range all[string](l, `SELECT json_build_array(o.client_id, b.name) FROM orders o JOIN subjects b ON b.id = o.subject_id`) {
		var p [2]string
		require.NoError(t, json.Unmarshal([]byte(pair), &p))
		kept[p[0]] = p[1]
	}
	require.Equal(t, model, kept)
	require.Equal(t, len(model), get[int](l, `SELECT count(*) FROM orders`))
}
