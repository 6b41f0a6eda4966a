// Package astm speaks the two ASTM protocols of laboratory instruments: the link (ASTM E1381, now CLSI LIS01-A2)
// and the records (ASTM E1394, now CLSI LIS02-A2).
//
// It never does I/O, starts no goroutine and knows no clock: bytes and instants are fed in, events come out, and the
// caller asks for the next Deadline. Nothing here judges a result.
//
// # The link
//
//	Receiver   bytes of an instrument -> messages      NewReceiver, Feed, Expire, Accept, Refuse, Drop
//	Sender     a message -> frames                     NewSender, Send, Feed, Expire
//	Line       both ends of one half-duplex line       NewLine, Send, Feed, Expire, Accept, Refuse, Drop
//
// All three work alike. The caller writes the bytes of every Write event to the line, in order, and calls Expire when
// Deadline has passed. Events and their order do not depend on how the bytes were cut into chunks.
//
//	for each chunk p read from the line:
//		for _, ev := range line.Feed(now, p) { handle(ev) }
//	when line.Deadline() is not zero and has passed:
//		for _, ev := range line.Expire(now) { handle(ev) }
//	handle:
//		Write       conn.Write(ev.Bytes)
//		Message     store ev.Bytes, commit, then line.Accept(now); could not store: line.Refuse(now)
//		Incomplete  store ev.Bytes in the tray of incomplete transmissions, with ev.Code
//		Sent/Failed the message given to Send was accepted by the instrument, or was given up
//		Fault, Opened, Closed: for the log and the instrument page
//	when the line is lost: handle the events of line.Drop(); when it is back: those of line.Up(now)
//
// The slice of events is reused by the next call; ev.Bytes of Message and Incomplete belongs to the caller.
//
// # Invariants
//
//   - A message is acknowledged only after Accept: the frame that completes it is answered by ACK (Accept) or NAK
//     (Refuse), and bytes that arrive in between are held. So what was acknowledged is stored.
//   - A frame that was accepted is never counted twice, a frame that is missing is never skipped (LIS01-A2 6.3):
//     the number of the last accepted frame again means that our ACK was lost (ACK, drop); last+1 is accepted;
//     anything else is refused.
//   - Text is joined from ETB to ETX before it is cut into records; a message ends with its L record, not with EOT.
//   - Memory is bounded by Options.MaxFrame and Options.MaxMessage.
//
// # Records
//
// Records walks over the records of a text without copying; delimiters come from each header. Builder writes records
// in which no value can become a delimiter: what is read back is what was given. Unframe reads a captured byte stream
// of any quality, for files. ParseQuery and Answer serve the host query.
//
// Deviations of real devices that are served: no checksum, LF only, CR only or nothing after the checksum, NUL and
// other bytes between frames, a whole message in one frame, ETB after every record, first frame numbered 0.
// Refused from the standard: "any other character counts as NAK" for a sender (LIS01-A2 6.5.1.2). A stray byte would
// make it send a frame twice, and from then on every answer would be credited to the wrong frame; the sender
// ignores such bytes and lets its timer run.
package astm

// The control characters of the link.
const (
	STX = 0x02
	ETX = 0x03
	EOT = 0x04
	ENQ = 0x05
	ACK = 0x06
	LF  = 0x0A
	CR  = 0x0D
	NAK = 0x15
	ETB = 0x17
)
