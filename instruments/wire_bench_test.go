package instruments_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/instruments/astm"
	"natlims/instruments/hl7"
)

// plateMessage is a plate of 94 samples x 3 targets: 472 records in frames of one record each, about 29 kB.
func plateMessage() []byte {
	var b strings.Builder
	b.WriteString("H|\\^&|||AnyPCR 96^4.1.2^SN100234|||||LIS||P|LIS2-A2|20260101123000\r")
	for i := range 94 {
		fmt.Fprintf(&b, "P|%d\r", i+1)
		fmt.Fprintf(&b, "O|1|NJ%010d|^^%c%02d|^^^SARS-COV-2^RT-qPCR|R||20260101083000||||||||Swab||||||||||F\r", 1234500+i, 'A'+i%8, i/8+1)
		for k, target := range []string{"ORF1ab", "N", "IC"} {
			value, flag := fmt.Sprintf("%d.%02d", 18+(7*i+k)%20, i), "N"
			if k < 2 && i%50 != 0 {
				value, flag = "", "<"
			}
			fmt.Fprintf(&b, "R|%d|^^^%s^^Ct|%s|Ct||%s||F||tech01||20260101122955|SN100234\r", k+1, target, value, flag)
		}
	}
	b.WriteString("L|1|N\r")
	return bytes.Join(astm.Frames([]byte(b.String()), astm.SendOptions{OneRecord: true}), nil)
}

// BenchmarkPlateFloor is the least that reading a plate message can cost: every checksum verified, every record cut into
// fields, nothing kept. BenchmarkPlate must stay within 2.5 times of it.
func BenchmarkPlateFloor(b *testing.B) {
	raw := plateMessage()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if fields, bad := floor(raw); bad != 0 || fields < 4000 {
			b.Fatal(fields, bad)
		}
	}
}

func floor(raw []byte) (fields, bad int) {
	var field [64][]byte
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, astm.ETX)
		text := raw[1:end]
		var sum byte = astm.ETX
		for _, c := range text {
			sum += c
		}
		if hex(raw[end+1])<<4|hex(raw[end+2]) != sum {
			bad++
		}
		n := 0
		for text = text[1:]; ; n++ {
			i := bytes.IndexByte(text, '|')
			if i < 0 {
				field[n] = text
				break
			}
			field[n], text = text[:i], text[i+1:]
		}
		fields += n + 1
		raw = raw[end+5:]
	}
	return fields, bad
}

func hex(b byte) byte {
	if b <= '9' {
		return b - '0'
	}
	return b - 'A' + 10
}

// BenchmarkPlate reads the framed plate message into readings.
func BenchmarkPlate(b *testing.B) {
	raw := plateMessage()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		runs, err := instruments.Decode(&instruments.File{Raw: raw}, "astm")
		if err != nil || len(runs[0].Readings) != 282 {
			b.Fatal(err)
		}
	}
}

// BenchmarkReceiver feeds the plate message to the link's state machine, frame by frame.
func BenchmarkReceiver(b *testing.B) {
	raw := append([]byte{astm.ENQ}, plateMessage()...)
	frames := bytes.SplitAfter(raw, []byte("\r\n"))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	r := astm.NewReceiver(astm.Options{})
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for b.Loop() {
		for _, f := range frames {
			r.Feed(now, f)
		}
		if !r.Waiting() {
			b.Fatal("no message")
		}
		r.Accept(now)
	}
}

// oruMessage is ORU^R01 with n samples of 6 OBX.
func oruMessage(n int) []byte {
	var b strings.Builder
	b.WriteString("MSH|^~\\&|LIMS|CITYLAB|HIS|CLINIC|20260101123000+0800||ORU^R01^ORU_R01|MSG1|P|2.5.1|||AL|NE||UNICODE UTF-8\r")
	for i := range n {
		id := fmt.Sprintf("NJ%010d", 1234500+i)
		fmt.Fprintf(&b, "PID|%d||%d^^^CITY^PI~320101198001010011^^^CN^NI||王^小明^^^^^L||19800101|M|||江苏省南京市玄武区1号^^南京^江苏^210000^CHN||^PRN^CP^^86^^13800000000\r", i+1, i)
		fmt.Fprintf(&b, "ORC|RE|%s|%s\r", id, id)
		fmt.Fprintf(&b, "OBR|1|%s|%s|94500-6^SARS-CoV-2 RNA NAA+probe Ql Resp^LN|||20260101083000+0800||||||||258500001^Nasopharyngeal swab^SCT||||||||20260101122955+0800|||F\r", id, id)
		for k, t := range [][2]string{{"94559-2", "ORF1ab"}, {"94533-7", "N"}, {"99999-9", "IC"}} {
			fmt.Fprintf(&b, "OBX|%d|CWE|%s^%s^LN||260415000^Not detected^SCT|||N|||F|||20260101122955+0800\r", 2*k+1, t[0], t[1])
			fmt.Fprintf(&b, "OBX|%d|NM|%s-CT^%s Ct^L||%d.5|{Ct}||N|||F|||20260101122955+0800\r", 2*k+2, t[1], t[1], 20+k)
		}
		fmt.Fprintf(&b, "SPM|1|%s||258500001^Nasopharyngeal swab^SCT|||||||||||||20260101083000+0800|20260101095500+0800\r", id)
	}
	return []byte(b.String())
}

// BenchmarkORUSplit is a plain split of one sample's message down to components; BenchmarkORU must stay within 1.5 times of it.
func BenchmarkORUSplit(b *testing.B) {
	raw := string(oruMessage(1))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, seg := range strings.Split(raw, "\r") {
			for _, f := range strings.Split(seg, "|") {
				for _, rep := range strings.Split(f, "~") {
					n += len(strings.Split(rep, "^"))
				}
			}
		}
		if n < 100 {
			b.Fatal(n)
		}
	}
}

func BenchmarkORU(b *testing.B) {
	for _, n := range []int{1, 94} {
		raw := oruMessage(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				runs, err := instruments.Decode(&instruments.File{Raw: raw}, "hl7")
				if err != nil || len(runs[0].Readings) != 6*n {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAck(b *testing.B) {
	m, err := hl7.Parse(string(oruMessage(1)))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		m.Acks(hl7.Kept, hl7.Reply{ID: "1", Time: "20260101"})
	}
}
