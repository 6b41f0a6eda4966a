package instruments

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// DNA-Technology DT-Prime, DTlite: XML in windows-1251, qualitative, no Ct. Layout from a published specification, not
// verified with an instrument.
//
//	<package><RealTime_PCR ProtocolPath="…"/><data><plate id="P1">
//	  <cell x="1" y="1" name="S1" state="…"><test id="N" value="+"><result name="qualitative" value="positive"/></test></cell>
//
// x is the column and y the row, counted from 1. A suffix A or B of a name marks a replicate and stays in the name.
func init() {
	register(Driver{Name: "dtprime", Title: "DNA-Technology DT-Prime, DTlite: protocol (xml)", Wire: WireFile, Sniff: sniffDTPrime, Decode: decodeDTPrime})
}

func sniffDTPrime(f *File) int {
	top := head(f, 40)
	if mentions(top, "<RealTime_PCR") || mentions(top, "<package") && mentions(top, "<cell ") {
		return 90
	}
	return 0
}

func decodeDTPrime(f *File) ([]pcr.Run, error) {
	t, err := f.Text()
	if err != nil {
		return nil, err
	}
	d := xml.NewDecoder(strings.NewReader(strings.Join(t.Lines, "\n")))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // the text is UTF-8 already
	var p dtPrime
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := d.InputPos()
		if err != nil {
			return nil, &Error{Code: CodeDamaged, Line: line, Offset: -1, Want: want(wantXML), Err: err}
		}
		switch e := token.(type) {
		case xml.Directive:
			return nil, &Error{Code: CodeDamaged, Line: line, Offset: -1, Value: cut(string(e)), Want: want(wantPlainXML)}
		case xml.StartElement:
			p.start(e, line)
		case xml.EndElement:
			p.end(e.Name.Local)
		}
		if len(p.readings) > MaxCells/16 {
			return nil, &Error{Code: CodeTooLarge, Line: line, Offset: -1, Want: atMost(MaxCells/16, "readings")}
		}
	}
	if len(p.readings) == 0 {
		return nil, nothing("", 0, want(wantCell))
	}
	return []pcr.Run{{Instrument: "DT-Prime", Plate: p.plate, Name: p.protocol, Readings: p.readings, Notes: p.notes}}, nil
}

// dtPrime is the state of reading.
type dtPrime struct {
	plate, protocol string
	cell, test      pcr.Reading
	readings        []pcr.Reading
	notes           []pcr.Note
	open            bool // a test is open
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if strings.EqualFold(a.Name.Local, name) {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

func (p *dtPrime) start(e xml.StartElement, line int) {
	switch e.Name.Local {
	case "RealTime_PCR":
		p.protocol = attr(e, "ProtocolPath")
	case "plate":
		p.plate = attr(e, "id")
	case "cell":
		col, errX := strconv.Atoi(attr(e, "x"))
		row, errY := strconv.Atoi(attr(e, "y"))
		pos := plate.Pos{Row: row - 1, Col: col - 1}
		p.cell = pcr.Reading{Plate: p.plate, Sample: attr(e, "name"), Status: attr(e, "state"), State: pcr.Blank, Line: line}
		if errX != nil || errY != nil || !plate.F384.Holds(pos) {
			p.notes = append(p.notes, pcr.Note{Line: line, Code: "well.unreadable", Text: cut(attr(e, "x") + "," + attr(e, "y"))})
			return
		}
		p.cell.Well = pos.String()
	case "test":
		p.test, p.open = p.cell, true
		p.test.Target, p.test.Call, p.test.Line = attr(e, "id"), attr(e, "value"), line
	case "result":
		if p.open && p.test.Value == "" {
			p.test.Value = attr(e, "value")
		}
	}
}

func (p *dtPrime) end(name string) {
	if name == "test" && p.open {
		p.open = false
		if p.test.Well != "" {
			p.readings = append(p.readings, p.test)
		}
	}
}
