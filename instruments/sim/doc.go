// Package sim plays instruments: it says what a plate would have read and says it as a real instrument would, on a serial line, a
// socket or in a folder, with the faults that real lines have. It serves the demo, the tests and a laboratory's own training.
//
// It never reads results back and never touches a database. Everything it does follows from the plate, the truth and the seed: the same
// seed makes the same faults.
//
//	Model      what an instrument writes: messages or a file for a Plate
//	Options    pace and faults of the line
//	Model.Send    messages over a wire, with the manners of the protocol: frames, acknowledgements, repeats, reconnects
//	Model.Drop    a file into a folder, in one go or half now and half later
//	To            opens "serial:/dev/ttyUSB0", "tcp:host:port", "listen::port"
//
// A message is sent until it is acknowledged, as real instruments do from their own queue; it is the same bytes each time.
package sim
