package demo

import (
	"fmt"
	"time"

	"natlims/lims"
	"natlims/lims/store"
)

var (
	surnames = []string{"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马", "罗", "欧阳", "司马"}
	given    = []string{"伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "秀英", "霞", "平", "刚", "桂英", "子涵", "雨桐", "浩然", "欣怡"}
	objects  = []string{"冷冻牛肉外包装", "冷冻对虾内包装", "冷库地面", "冷库门把手", "运输车厢内壁", "进口三文鱼", "冻品摊位台面"}
)

// register is the order as its department registers it. Everybody in it is invented.
func (p *plan) register(i int) store.NewOrder {
	o := p.orders[i]
	dep := departments[o.dept]
	n := store.NewOrder{ClientID: o.client, Category: dep.category}
	if dep.kind == "cold_chain" && i%4 != 0 {
		name := objects[int(chance(o.client, "object")*float64(len(objects)))]
		n.Subject = lims.Subject{Kind: lims.Packaging, Name: fmt.Sprintf("%s %d", name, i%97+1)}
		return n
	}
	birth := time.Date(1940+int(chance(o.client, "year")*80), time.Month(1+int(chance(o.client, "month")*12)), 1+int(chance(o.client, "day")*28), 0, 0, 0, 0, time.UTC)
	serial := int(chance(o.client, "serial") * 1000)
	sex := "f"
	if serial%2 == 1 {
		sex = "m"
	}
	n.Subject = lims.Subject{Kind: lims.Person, Sex: sex, BirthDate: &birth, DocType: "resident_id", DocNo: residentID(birth, serial),
		Name:  surnames[int(chance(o.client, "surname")*float64(len(surnames)))] + given[int(chance(o.client, "given")*float64(len(given)))],
		Phone: fmt.Sprintf("139%08d", int(chance(o.client, "phone")*1e8))}
	return n
}

// residentID finds the check character that fits, in an area code that was never given out.
func residentID(birth time.Time, serial int) string {
	for _, c := range "0123456789X" {
		if id, ok := lims.ResidentID(fmt.Sprintf("990000%s%03d%c", birth.Format("20060102"), serial, c)); ok {
			return id
		}
	}
	return ""
}
