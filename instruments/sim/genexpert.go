package sim

import (
	"fmt"
	"strconv"

	"natlims/instruments/astm"
)

// Cepheid GeneXpert over ASTM: a cartridge, not a plate; each sample is a message of its own, with the call and the cycle numbers.
//
//	H|@^\|GXM-1||GeneXpert PC^GeneXpert^6.3|||||LIS||P|1394-97|20210820144159
//	R|1|^NCOV^^NCOV^Xpress NCOV^1^NCOV^|POSITIVE^|||||F||admin|start|end|PC^SIM0001^module^cartridge^lot^expiry
//	R|2|^NCOV^^NCOV^^^N2^|POS^|||
//	R|3|^NCOV^^NCOV^^^N2^Ct|^27.1|||
func init() {
	register(Model{Name: "genexpert", Title: "cartridge analyser, ASTM, one message a sample", Wire: ASTM, write: func(p Plate) []Message {
		var all []Message
		for i := range p.Layout.Wells {
			all = append(all, Message{Bytes: geneXpert(p, i)})
		}
		return all
	}})
}

func geneXpert(p Plate, i int) []byte {
	w := p.Layout.Wells[i]
	b := astm.Builder{D: astm.GeneXpert}
	id := fmt.Sprintf("GXM-%s-%d", p.Layout.Code, i+1)
	b.Header(astm.Text(id), nil, astm.Parts("GeneXpert PC", "GeneXpert", "6.3"), nil, nil, nil, nil, astm.Text("LIS"), nil,
		astm.Text("P"), astm.Text("1394-97"), astm.Text(p.stamp()))
	b.Record('P', astm.Text("1"))
	order := make([]astm.Field, 25)
	order[0], order[1], order[3], order[4], order[5] = astm.Text("1"), astm.Text(w.Code), astm.Parts("", "", "", p.Assay), astm.Text("R"), astm.Text(p.stamp())
	order[14], order[24] = astm.Text("ORH"), astm.Text("F")
	b.Record('O', order...)

	call := "NEGATIVE"
	for _, t := range p.Targets {
		if _, ok := p.Truth(w.Code, t.Name); ok && !internal(t) {
			call = "POSITIVE"
		}
	}
	n := 1
	b.Record('R', astm.Text("1"), astm.Parts("", p.Assay, "", p.Assay, "Xpress "+p.Assay, "1", p.Assay, ""), astm.Parts(call, ""), nil, nil, nil, nil,
		astm.Text("F"), nil, astm.Text(p.Operator), astm.Text(p.stamp()), astm.Text(p.stamp()),
		astm.Parts("GeneXpert PC", p.Serial, "639127", strconv.Itoa(472753000+i), "00500", "20281226"))
	for _, t := range p.Targets {
		cq, ok := p.Truth(w.Code, t.Name)
		if !ok {
			cq = 0
		}
		word := map[bool]string{true: "POS", false: "NEG"}[ok]
		if internal(t) {
			word = map[bool]string{true: "PASS", false: "NA"}[ok]
		}
		n++
		b.Record('R', astm.Text(strconv.Itoa(n)), astm.Parts("", p.Assay, "", p.Assay, "", "", t.Name, ""), astm.Parts(word, ""))
		n++
		b.Record('R', astm.Text(strconv.Itoa(n)), astm.Parts("", p.Assay, "", p.Assay, "", "", t.Name, "Ct"), astm.Parts("", fmt.Sprintf("%.1f", cq)))
	}
	b.Record('L', astm.Text("1"), astm.Text("N"))
	return b.Bytes()
}

func internal(t Target) bool { return t.Internal() }

// Internal says that a target is the control inside every tube.
func (t Target) Internal() bool {
	switch t.Name {
	case "IC", "SPC", "RP", "RNase P", "MS2", "内标":
		return true
	}
	return false
}
