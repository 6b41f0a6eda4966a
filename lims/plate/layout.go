package plate

// Role is what stands in a well.
type Role string

// The roles. Controls come in three layers (handbook, domain 1.10): kit controls prove the run, the extraction
// control proves the batch, third-party IQC material proves the laboratory.
const (
	Empty      Role = ""
	Sample     Role = "sample"   // a sample or a pool, named by Code
	Negative   Role = "negative" // NC of the kit
	Positive   Role = "positive" // PC of the kit
	Weak       Role = "weak"     // third-party weak positive, 1.5-3 x LoD
	NoTemplate Role = "ntc"      // water instead of template
	Extraction Role = "nec"      // negative extraction control, proves its extraction batch
	Saline     Role = "saline"   // third-party negative carried from extraction on
)

// Control says whether the role is a control of any kind.
func (r Role) Control() bool { return r != Empty && r != Sample }

// Glyph is the sign of a control on the plate picture: colour never speaks alone.
func (r Role) Glyph() string {
	switch r {
	case Negative, Saline:
		return "N"
	case Positive:
		return "P"
	case Weak:
		return "W"
	case NoTemplate:
		return "0"
	case Extraction:
		return "E"
	}
	return ""
}

// Well is the content of one position, frozen when the plate is sealed.
type Well struct {
	Pos   Pos
	Role  Role
	Code  string // barcode of the sample or pool; for controls the control's name as printed, e.g. "PC"
	Kit   string // kit key, "id@version"
	Arm   string // "" or "A"/"B" where one sample is tested with two kits in parallel
	Batch string // extraction batch, "" where it is the plate itself
	Lot   string // kit lot, or the IQC lot for third-party controls

	Target   string // the one target that is measured here; "" all of the kit's
	Internal bool   // Target is an internal control, which shows in every sample; set by who compares patterns
	Dye      string // of Target; set by who writes a plate file
}

// Layout is a plate as it was sealed.
type Layout struct {
	Code   string
	Format Format
	Wells  []Well // row-major, empty wells left out
}

// At is the well at p; an empty Well (Role Empty) where nothing stands there.
func (l Layout) At(p Pos) Well {
	for _, w := range l.Wells {
		if w.Pos == p {
			return w
		}
	}
	return Well{Pos: p}
}
