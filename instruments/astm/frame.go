package astm

import (
	"bytes"
	"fmt"
)

// step works on p in the present state and says how many bytes it used; 0 means "again in the new state".
func (r *Receiver) step(p []byte) int {
	b := p[0]
	switch r.state {
	case neutral:
		// A lone frame is not answered: its sender lost us in the middle of a session and will begin anew.
		i := bytes.IndexByte(p, ENQ)
		if i < 0 {
			return len(p)
		}
		r.open()
		return i + 1
	case ready:
		r.between(b)
	case number:
		r.fn, r.sum = b, b
		r.frame, r.sums = r.frame[:0], 0
		r.code = ""
		if b < '0' || b > '7' {
			r.spoil(CodeNumber)
			return r.skip(b)
		}
		r.state = text
	case text:
		return r.body(p)
	case bad:
		return r.skip(b)
	default:
		return r.ending(b)
	}
	return 1
}

// between takes one byte between frames. Bytes other than STX, ENQ and EOT are ignored (LIS01-A2 6.3.1).
func (r *Receiver) between(b byte) {
	switch b {
	case STX:
		r.state = number
	case ENQ:
		r.open()
	case EOT:
		r.close("")
	}
}

// body takes the text of a frame up to ETB or ETX. Other control characters are forbidden in it; they are kept, so
// that the checksum decides whether they are noise.
func (r *Receiver) body(p []byte) int {
	sum := r.sum
	for i, b := range p {
		if b == STX {
			r.state = number // the frame begins again
			return i + 1
		}
		sum += b
		if b == ETX || b == ETB {
			r.frame = append(r.frame, p[:i]...)
			r.sum, r.end, r.state = sum, b, sum1
			if len(r.frame) > r.opt.MaxFrame {
				r.spoil(CodeFrameSize)
			}
			return i + 1
		}
	}
	r.frame = append(r.frame, p...)
	r.sum = sum
	if len(r.frame) > r.opt.MaxFrame {
		r.spoil(CodeFrameSize)
		r.frame = r.frame[:0]
	}
	return len(p)
}

// ending takes what follows ETB or ETX: two hexadecimal digits or none, then CR LF, CR, LF or nothing.
func (r *Receiver) ending(b byte) int {
	switch {
	case r.state == sum1 && isHex(b):
		r.digits[0], r.sums, r.state = b, 1, sum2
		return 1
	case r.state == sum2 && isHex(b):
		r.digits[1], r.sums, r.state = b, 2, tail
		return 1
	case r.state == sum1 && b == CR:
		r.state = bare
		return 1
	case r.state == tail && b == CR:
		r.state = tailLF
		return 1
	case r.state == sum2:
		r.spoil(CodeChecksum)
		return r.skip(b)
	case b == LF:
		r.finish()
		return 1
	case (r.state == sum1 || r.state == bare) && b != STX && b != ENQ && b != EOT:
		// No checksum and the line goes on: the ETX was a damaged letter C, or ETB a damaged W.
		r.spoil(CodeChecksum)
		return r.skip(b)
	}
	r.finish()
	return 0
}

// spoil marks the frame as broken; it is answered when its end has passed, so that one frame gets one answer.
func (r *Receiver) spoil(code string) {
	if r.code == "" {
		r.code = code
	}
	r.state = bad
}

// skip drops the rest of a broken frame. Frames end with LF, records inside them do not.
func (r *Receiver) skip(b byte) int {
	switch b {
	case LF:
		r.finish()
	case STX:
		r.state = number
	}
	return 1
}

// finish judges the frame and answers it (LIS01-A2 6.3 and 6.4).
func (r *Receiver) finish() {
	code, detail := r.verdict()
	switch code {
	case "":
		r.take()
	case CodeRepeated:
		r.fault(code, detail)
		r.answer(true)
	default:
		r.fault(code, detail)
		r.answer(false)
	}
}

func (r *Receiver) verdict() (code, detail string) {
	if r.code != "" {
		return r.code, fmt.Sprintf("frame %q", r.fn)
	}
	if r.sums == 2 && r.opt.Checksum != Off {
		if got := unhex(r.digits[0])<<4 | unhex(r.digits[1]); got != r.sum {
			return CodeChecksum, fmt.Sprintf("frame %c: %s stands there, %02X expected", r.fn, r.digits[:], r.sum)
		}
		r.summed = true
	}
	if r.sums != 2 && (r.opt.Checksum == Required || r.opt.Checksum == Auto && r.summed) {
		return CodeChecksum, fmt.Sprintf("frame %c: no checksum", r.fn)
	}
	n := int(r.fn - '0')
	switch {
	case n == r.last:
		return CodeRepeated, fmt.Sprintf("frame %d came again", n)
	case r.last < 0 && (n == 1 || n == 0): // the first is 1; some devices count from 0
	case r.last >= 0 && n == (r.last+1)%8:
	default:
		return CodeGap, fmt.Sprintf("frame %d after %d", n, r.last)
	}
	return "", ""
}

// take accepts the frame's text. If it completes a message, the answer waits for the caller.
func (r *Receiver) take() {
	if len(r.text)+len(r.frame) > r.opt.MaxMessage {
		r.fault(CodeSize, fmt.Sprintf("more than %d bytes without an L record", r.opt.MaxMessage))
		r.answer(false)
		return
	}
	before := len(r.text)
	r.text = append(r.text, r.frame...)
	if r.end == ETX {
		if n := len(r.text); n > 0 && r.text[n-1] != CR && r.text[n-1] != LF {
			r.text = append(r.text, CR)
		}
		if whole := r.complete(); whole > 0 {
			r.before, r.whole, r.state = before, whole, waiting
			r.emit(Message, bytes.Clone(r.text[:whole]))
			return
		}
		r.ends++
	}
	r.last = int(r.fn - '0')
	r.answer(true)
}

// complete says how many bytes of text belong to whole messages: up to the end of the last L record. HL7 text, which
// GeneXpert sends in these frames after a change of its settings, has no L record: it ends with its first ETX.
func (r *Receiver) complete() int {
	whole := 0
	for r.seen < len(r.text) {
		rest := r.text[r.seen:]
		i := bytes.IndexAny(rest, "\r\n")
		if i < 0 {
			break
		}
		if IsLast(rest[:i]) {
			whole = r.seen + i + 1
		}
		r.seen += i + 1
	}
	if whole == 0 && r.ends == 0 && bytes.HasPrefix(r.text, []byte("MSH")) && bytes.Count(r.text, []byte{CR}) > 1 {
		return len(r.text)
	}
	return whole
}

// IsLast says that a record is the message terminator L.
func IsLast(record []byte) bool {
	record = bytes.TrimLeft(record, "\x00 ")
	if len(record) == 0 || record[0] != 'L' {
		return false
	}
	return len(record) == 1 || !isWord(record[1])
}

func isWord(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b >= 0x80
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'F' || b >= 'a' && b <= 'f'
}

func unhex(b byte) byte {
	switch {
	case b <= '9':
		return b - '0'
	case b >= 'a':
		return b - 'a' + 10
	}
	return b - 'A' + 10
}
