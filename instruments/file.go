package instruments

// MaxContent is the largest message or file that is read, in bytes.
const MaxContent = 64 << 20

// File is the content of one message or file. Views of it (text, lines, archive entries) are made once and shared by all drivers.
type File struct {
	Name string // for people only, never used to recognise a format
	Raw  []byte
}
