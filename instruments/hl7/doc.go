// Package hl7 speaks HL7 version 2 as instruments do: MLLP blocks, messages in the vertical bar encoding (HL7 2.5.1
// chapter 2), acknowledgements, and the messages of IHE LAW (LAB-27, 28, 29) and of GeneXpert.
//
// It never does I/O, starts no goroutine and knows no clock; nothing here judges a result.
//
// # The wire
//
//	Deframer   bytes of an instrument -> messages      NewDeframer, Feed, Expire, Drop
//	Sender     a message -> a block, its acknowledgement   NewSender, Send, Take, Expire, Drop
//	Frame      a message -> the bytes of one block
//
//	for each chunk p read from the line:
//		for _, ev := range d.Feed(now, p) {
//			Message     m, err := hl7.Parse(text); if the sender's Take(now, m) says that it is an answer: handle its events;
//			            else store, commit, then write hl7.Frame(a) for each a of m.Acks(hl7.Kept, reply)
//			Incomplete  ev.Bytes never ended (ev.Code says why): tray of incomplete transmissions
//			Fault       for the log
//		}
//	when a Deadline is not zero and has passed: Expire(now)
//
// Several blocks in a chunk, blocks split anywhere, a missing start byte and a missing last CR are all served.
// HL7 has no retransmission below the message: a sender that misses its acknowledgement sends the message again, so
// whoever stores must recognise it by content. Acknowledge only after the commit.
//
// # Acknowledgements
//
// NewAck writes the answer to a message: in original mode (MSH-15 and MSH-16 empty) AA, AE or AR; in enhanced mode
// the accept acknowledgement CA, CE or CR if MSH-15 asks for it, and the application acknowledgement AA, AE or AR if
// MSH-16 does. Acks gives the ones a message asks for, in order.
//
// # Messages
//
// Parse cuts a text into segments; fields are found when asked for and never copied. Builder writes segments in which
// no value can become a delimiter: what is read back is what was given. ParseQuery, Answer and Orders serve
// the host query.
package hl7

// The control characters of MLLP.
const (
	VT = 0x0B // start of block
	FS = 0x1C // end of block, followed by CR
	CR = 0x0D
	LF = 0x0A
)
