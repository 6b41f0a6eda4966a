// Package unpack reads the two containers that instrument files come in: zip archives and XML text.
//
// It never does I/O, never writes what it unpacks to a disk and never trusts a size that a file states of
// itself. Everything is refused before memory is spent on it: the directory of an archive is checked as a whole
// when it is opened, an entry is inflated into at most the size it declared, XML has no document type, no
// entities of its own and a bounded depth. Standards: PKWARE APPNOTE 6.3.10 (4.3, 4.5.3), XML 1.0 fifth edition.
//
// Memory: one inflated entry is at most MaxEntry bytes, so a caller that reads the entries of an archive one
// after the other holds the archive, one entry and what it keeps of it.
package unpack

// The limits. They are far above what cyclers write: a 384-well run of six dyes and 60 cycles is a sheet of 60 MB.
const (
	MaxEntries = 20000     // entries of an archive; an EDS holds a picture for each cycle and filter
	MaxEntry   = 96 << 20  // bytes of one inflated entry
	MaxTotal   = 256 << 20 // bytes that all entries together declare
	MaxRatio   = 250       // inflated to packed size, of entries above freeRatio; curves pack 5 to 40 times
	MaxDepth   = 64        // nesting of XML elements
	MaxName    = 1024      // bytes of an entry's name or of a name in XML

	freeRatio = 1 << 20 // below this size an entry may be all blanks
)
