package flow

import (
	"bytes"
	"math"
	"strings"
	"time"

	"natlims/lims/pcr"
	"natlims/lims/store"
)

// clock is the instrument's own time in a message, as it wrote it, and the seconds by which the arrival lies behind it. The time of
// sending is taken where the protocol has one (ASTM H-14, HL7 MSH-7), else the end of the run, which a person may have exported later.
func clock(m store.Message, runs []pcr.Run) (text string, skew *float64) {
	text = sentAt(m.Bytes)
	for i := len(runs) - 1; i >= 0 && text == ""; i-- {
		if text = runs[i].Ended.Text; text == "" {
			text = runs[i].Started.Text
		}
	}
	zone, err := time.LoadLocation(m.Zone)
	if err != nil {
		zone = time.UTC
	}
	if len(text) > maxClock {
		text = text[:maxClock]
	}
	at, ok := instant(text, zone, m.KeptAt)
	if !ok {
		return text, nil
	}
	s := m.KeptAt.Sub(at).Seconds()
	return text, &s
}

// maxClock bounds the text of a time, in bytes.
const maxClock = 80

// sentAt is the time in the header of an ASTM or HL7 message, "" where there is none.
func sentAt(raw []byte) string {
	raw = raw[:min(len(raw), 2000)]
	head, _, _ := bytes.Cut(bytes.TrimLeft(raw, "\x02\x05\x0b1 \r\n"), []byte("\r"))
	head, _, _ = bytes.Cut(head, []byte("\n"))
	line := string(head)
	field := 0 // counted from the separator, which is MSH-1 and stands in H-2
	switch {
	case strings.HasPrefix(line, "MSH") && len(line) > 4:
		line, field = line[3:], 6
	case strings.HasPrefix(line, "H") && len(line) > 4:
		line, field = line[1:], 13
	default:
		return ""
	}
	fields := strings.Split(line, line[:1])
	if field >= len(fields) {
		return ""
	}
	return strings.TrimSpace(fields[field])
}

// layouts are the ways in which instruments write a time.
var layouts = []string{"20060102150405", "200601021504", "20060102150405-0700", "20060102150405.000", "20060102150405.000-0700", time.RFC3339,
	"2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006/01/02 15:04:05", "2006/1/2 15:04:05", "2006/1/2 15:04", "06/01/02 15:04:05",
	"01/02/2006 15:04:05", "02/01/2006 15:04:05", "1/2/2006 3:04:05 PM", "2/1/2006 15:04:05", "1/2/2006 15:04:05", "1/2/2006 15:04", "2/1/2006 15:04", "1/2/2006 3:04 PM", "01-02-2006 15:04:05", "02-01-2006 15:04:05",
	"02.01.2006 15:04:05", "2.1.2006 15:04", "2006-01-02 03:04:05 PM", "2006-01-02 03:04:05 PM MST", "Jan 2, 2006 3:04:05 PM", "2 Jan 2006 15:04:05", "Mon Jan 2 15:04:05 2006", "Mon Jan 2 15:04:05 MST 2006"}

// instant reads a time. Where day and month may be read both ways, the reading nearer to the arrival counts: a clock may be wrong by
// minutes, hardly by months. A date without a time of day tells nothing of a clock.
func instant(text string, zone *time.Location, near time.Time) (best time.Time, ok bool) {
	text = strings.TrimSpace(text)
	for _, layout := range layouts {
		at, err := time.ParseInLocation(layout, text, zone)
		if err != nil || at.Year() < 2000 {
			continue
		}
		if !ok || math.Abs(float64(at.Sub(near))) < math.Abs(float64(best.Sub(near))) {
			best, ok = at, true
		}
	}
	return best, ok
}
