//go:build !unix

package link

// lockPort does nothing: the system lets a serial port be opened once.
func lockPort(string) (release func(), err error) { return func() {}, nil }
