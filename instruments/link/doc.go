// Package link is where the bytes of instruments come in: serial ports, TCP connections and folders.
//
// It never decides what bytes mean and never touches a database: whole messages go to Keep, questions of instruments to Answer.
// Standards: LIS01-A2 and LIS02-A2 (package astm), HL7 2.5.1 with MLLP (package hl7).
//
// Rules
//
//   - The acknowledgement that closes a message is written only after Keep returned nil: what an instrument may forget is stored.
//     When Keep fails the instrument is told so (NAK, AR) and sends again; a file stays where it is and is tried again.
//   - Keep has KeepTime, less than the 15 s after which an instrument gives up waiting. So an answer never comes so late
//     that it is taken for the answer to something else.
//   - A transmission that broke off is kept too, with Complete false: it was acknowledged in part.
//   - A file that does not look whole waits for its writer, as long as its line allows; then it is kept as broken off and stays where it is.
//   - A repeat is not an error. Keep says ErrRepeated, the instrument is told that all is well, and it is counted.
//   - Bytes of a sender that no row knows are kept with Instrument 0, never dropped.
//   - A line that fails is opened again, with a growing pause, for ever; its state and last error are in Health.
//   - A query changes nothing and is not kept, unless nobody answers queries here.
//
// Serve starts it, Set changes the lines while they run, Health tells how they are, and Close ends them.
//
//	serial.go tcp.go folder.go    the three kinds of wires, and how each is opened again; port*.go, an open serial port
//	talk.go                       one conversation: chunks, timers, answers
//	talk_astm.go talk_hl7.go talk_raw.go
package link
