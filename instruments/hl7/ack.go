package hl7

import "strings"

// Outcome is what became of a message.
type Outcome int

// The outcomes.
const (
	Kept        Outcome = iota // stored; what it means is decided later
	Wrong                      // stored, but its content cannot be used; sending it again would not help
	Down                       // could not be stored; it must be sent again
	Unsupported                // a type, version or processing code that we do not take
)

// Reply is what an acknowledgement says of itself.
type Reply struct {
	ID   string // of the acknowledgement, unique
	Time string // YYYYMMDDHHMMSS with the zone where it is known
	Text string // what was wrong, for people; shown in ERR-8
}

// Codes are the values of MSA-1 that a message with this outcome asks for, in the order of sending (HL7 2.5.1, 2.9.2
// and 2.9.3). Nothing is sent for an acknowledgement.
func (m Parsed) Codes(o Outcome) []string {
	if m.IsAck() {
		return nil
	}
	accept, app := m.Field("MSH", 15), m.Field("MSH", 16)
	if accept == "" && app == "" {
		return []string{appCode(o)}
	}
	var codes []string
	if asked(accept, o == Kept || o == Wrong) {
		codes = append(codes, [...]string{"CA", "CA", "CE", "CR"}[o])
	}
	if asked(app, o == Kept) {
		codes = append(codes, appCode(o))
	}
	return codes
}

// appCode: AE says "do not send it again", AR says "we could not take it".
func appCode(o Outcome) string { return [...]string{"AA", "AE", "AR", "AR"}[o] }

// asked reads a value of HL7 table 0155.
func asked(when string, good bool) bool {
	switch when {
	case "AL":
		return true
	case "ER":
		return !good
	case "SU":
		return good
	}
	return false
}

// IsAck says that a message answers one of ours and must not be acknowledged.
func (m Parsed) IsAck() bool {
	code, _ := m.Type()
	return code == "ACK" || code == "MCF" || code == "ORL" || code == "RSP"
}

// Acks are the acknowledgements that a message asks for, in the order of sending. The second one's id ends with "-2".
func (m Parsed) Acks(o Outcome, r Reply) [][]byte {
	var all [][]byte
	id := r.ID
	for i, code := range m.Codes(o) {
		if i > 0 {
			r.ID = id + "-2"
		}
		all = append(all, m.NewAck(code, r))
	}
	return all
}

// NewAck is one acknowledgement with the given MSA-1.
func (m Parsed) NewAck(code string, r Reply) []byte {
	var b Builder
	h := m.back(r.ID, r.Time)
	h.Type = []string{"ACK"}
	if _, trigger := m.Type(); trigger != "" && !m.geneXpert() {
		h.Type = append(h.Type, trigger)
		if strings.Count(m.Field("MSH", 9), string(rune(m.D.Component))) > 1 {
			h.Type = append(h.Type, "ACK")
		}
	}
	if code[0] == 'C' || m.Field("MSH", 15) != "" || m.Field("MSH", 16) != "" {
		h.Accept, h.App = "NE", "NE"
	}
	b.Header(h)
	b.Segment("MSA", Text(code), Text(m.ControlID()))
	if code[1] != 'A' {
		b.Segment("ERR", nil, nil, Parts("207", "Application internal error", "HL70357"), Text("E"), nil, nil, nil, Text(r.Text))
	}
	return b.Bytes()
}

// back is the head of an answer: sender and receiver change places.
func (m Parsed) back(id, time string) Head {
	return Head{
		Sender:   m.copy(m.Field("MSH", 5)),
		Receiver: m.copy(m.Field("MSH", 3)),
		Time:     time,
		ID:       id,
		Version:  m.Field("MSH", 12),
		Profile:  m.Field("MSH", 21),
	}
}

// copy takes a field over into a message of ours.
func (m Parsed) copy(field string) Field {
	if field == "" {
		return nil
	}
	var f Field
	for _, rep := range strings.Split(field, string(rune(m.D.Repeat))) {
		var comps [][]string
		for _, c := range strings.Split(rep, string(rune(m.D.Component))) {
			subs := strings.Split(c, string(rune(m.D.Sub)))
			for i := range subs {
				subs[i] = m.D.Unescape(subs[i])
			}
			comps = append(comps, subs)
		}
		f = append(f, comps)
	}
	return f
}

func (m Parsed) geneXpert() bool {
	return strings.Contains(m.Field("MSH", 3), "GeneXpert")
}
