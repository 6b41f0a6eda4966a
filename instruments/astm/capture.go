package astm

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Remark is something that Unframe saw in a capture.
type Remark struct {
	Offset int64  // of the frame in the capture
	Frame  int    // counted from 1
	Code   string // one of the codes of events
	Text   string
}

// MaxRemarks is how many remarks Unframe keeps.
const MaxRemarks = 200

// Capture is the text of a captured byte stream.
type Capture struct {
	Text    []byte // records; not decoded, without NUL
	Framed  bool
	Frames  int
	Remarks []Remark
}

// tokens are control characters as some logs write them.
var tokens = [][2]string{
	{"<STX>", "\x02"}, {"<ETX>", "\x03"}, {"<EOT>", "\x04"}, {"<ENQ>", "\x05"}, {"<ACK>", "\x06"},
	{"<NAK>", "\x15"}, {"<ETB>", "\x17"}, {"<CR>", "\r"}, {"<LF>", "\n"},
	{"[STX]", "\x02"}, {"[ETX]", "\x03"}, {"[EOT]", "\x04"}, {"[ENQ]", "\x05"}, {"[ACK]", "\x06"},
	{"[NAK]", "\x15"}, {"[ETB]", "\x17"}, {"[CR]", "\r"}, {"[LF]", "\n"},
}

// Unframe takes the text out of a captured stream of any quality: with or without frames, checksums and line ends, with
// ENQ, EOT, NUL and the answers of the other side between the frames. Unlike Receiver it cannot ask for a frame again,
// so it keeps what is damaged and remarks on it; a frame that came again counts once.
func Unframe(raw []byte) Capture {
	if bytes.IndexByte(raw, STX) < 0 && (bytes.Contains(raw, []byte("<STX>")) || bytes.Contains(raw, []byte("[STX]"))) {
		for _, t := range tokens {
			raw = bytes.ReplaceAll(raw, []byte(t[0]), []byte(t[1]))
		}
	}
	if bytes.IndexByte(raw, STX) < 0 {
		return Capture{Text: plain(raw)}
	}
	u := unframer{raw: raw, number: -1, next: [3]int{-1, -1, -1}, clean: bytes.IndexByte(raw, 0) < 0}
	u.c.Framed = true
	u.c.Text = make([]byte, 0, len(raw))
	u.run()
	return u.c
}

// plain is a text without frames: the control characters of the link become ends of records.
func plain(raw []byte) []byte {
	if !bytes.ContainsAny(raw, "\x00\x03\x04\x05\x06\x15\x17") {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for _, b := range raw {
		switch b {
		case 0:
		case ETX, EOT, ENQ, ACK, NAK, ETB:
			out = append(out, CR)
		default:
			out = append(out, b)
		}
	}
	return out
}

type unframer struct {
	c      Capture
	raw    []byte
	number int // of the last frame kept; -1 none
	from   int // where its text begins in c.Text
	broken bool
	next   [3]int // places of the next STX, ETX and ETB; before the place that is looked at: not known
	clean  bool   // no NUL anywhere
}

func (u *unframer) remark(at int, code, text string) {
	if len(u.c.Remarks) < MaxRemarks {
		u.c.Remarks = append(u.c.Remarks, Remark{Offset: int64(at), Frame: u.c.Frames, Code: code, Text: text})
	}
}

func (u *unframer) run() {
	for i := 0; i < len(u.raw); {
		switch u.raw[i] {
		case STX:
			i = u.frame(i + 1)
		case ENQ, EOT:
			u.end()
			u.number = -1
			i++
		default:
			i++
		}
	}
	u.end()
}

// end closes the last record, so that two sessions cannot run into each other.
func (u *unframer) end() {
	if n := len(u.c.Text); n > 0 && u.c.Text[n-1] != CR {
		u.c.Text = append(u.c.Text, CR)
	}
}

// frame takes the frame whose number stands at i and gives the place after it.
func (u *unframer) frame(i int) int {
	u.c.Frames++
	start := i
	number := -1
	var sum byte
	if i < len(u.raw) && u.raw[i] >= '0' && u.raw[i] <= '7' {
		number, sum = int(u.raw[i]-'0'), u.raw[i]
		i++
	}
	j := u.frameEnd(i)
	text := u.raw[i:j]
	if j == len(u.raw) || u.raw[j] == STX {
		u.remark(start, CodeUnended, "frame without an end")
		u.keep(number, text, true)
		u.end()
		return j
	}
	end := u.raw[j]
	sum += end + sumOf(text)
	j++
	digits := 0
	for digits < 2 && j+digits < len(u.raw) && isHex(u.raw[j+digits]) {
		digits++
	}
	wrong := digits == 1
	if digits == 2 {
		wrong = unhex(u.raw[j])<<4|unhex(u.raw[j+1]) != sum
	}
	if u.repeated(number, text) {
		u.remark(start, CodeRepeated, fmt.Sprintf("frame %d came again", number))
		return j + digits
	}
	if wrong {
		u.remark(start, CodeChecksum, fmt.Sprintf("%s stands there, %02X expected", u.raw[j:j+digits], sum))
	}
	if number >= 0 && u.number >= 0 && number != (u.number+1)%8 {
		u.remark(start, CodeGap, fmt.Sprintf("frame %d after %d", number, u.number))
	}
	u.keep(number, text, wrong)
	if end == ETX {
		u.end()
	}
	return j + digits
}

// frameEnd is where the text of the frame that begins at i ends: at ETX, ETB or the STX of the next frame, else at the end. The next place of
// each is kept, so that a stream of STX, or one without any ETB, costs no more than another.
func (u *unframer) frameEnd(i int) int {
	end := len(u.raw)
	for n, c := range [...]byte{STX, ETX, ETB} {
		if u.next[n] < i {
			u.next[n] = len(u.raw)
			if at := bytes.IndexByte(u.raw[i:], c); at >= 0 {
				u.next[n] = i + at
			}
		}
		end = min(end, u.next[n])
	}
	return end
}

// sumOf is the sum of the bytes modulo 256, eight at a time: the four sums of 16 bits that it keeps cannot overflow within 128 words.
func sumOf(p []byte) byte {
	const even = 0x00ff00ff00ff00ff
	var sum uint64
	for len(p) >= 8 {
		var lanes uint64
		for n := 0; n < 128 && len(p) >= 8; n++ {
			w := binary.LittleEndian.Uint64(p)
			lanes += w&even + w>>8&even
			p = p[8:]
		}
		sum += lanes + lanes>>16 + lanes>>32 + lanes>>48 // the low byte of each is all that counts
	}
	for _, b := range p {
		sum += uint64(b)
	}
	return byte(sum)
}

// repeated says that a frame is the last one again. A broken one is replaced.
func (u *unframer) repeated(number int, text []byte) bool {
	if number < 0 || number != u.number {
		return false
	}
	if u.broken {
		u.c.Text = u.c.Text[:u.from]
		u.number = (number + 7) % 8
		return false
	}
	last := bytes.TrimRight(u.c.Text[u.from:], "\r")
	return bytes.Equal(last, bytes.TrimRight(text, "\r"))
}

func (u *unframer) keep(number int, text []byte, broken bool) {
	u.number, u.from, u.broken = number, len(u.c.Text), broken
	if u.clean {
		u.c.Text = append(u.c.Text, text...)
		return
	}
	for _, b := range text {
		if b != 0 {
			u.c.Text = append(u.c.Text, b)
		}
	}
}
