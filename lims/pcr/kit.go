package pcr

// Kit is a reagent kit as data, schema kit/v1. A version that was used is immutable; a Kit that came from
// Load or Read is never written again and may be shared.
type Kit struct {
	Schema  string   `yaml:"schema"`
	ID      string   `yaml:"id"`
	Version string   `yaml:"version"` // of the insert; "" in the file: the first 12 digits of the file's SHA-256
	Status  Standing `yaml:"status"`
	Name    texts    `yaml:"name"` // by language: zh, en
	Source  string   `yaml:"source"`

	Insert     string `yaml:"insert"` // file name of the insert that the figures were confirmed against
	InsertHash string `yaml:"insert_sha256"`
	ApprovedBy string `yaml:"approved_by"`
	ValidFrom  string `yaml:"valid_from"` // RFC 3339 date
	ValidTo    string `yaml:"valid_to"`

	Signal     string   `yaml:"signal"` // ct | call
	Cycles     int      `yaml:"cycles"`
	PreCycles  int      `yaml:"pre_cycles"` // not counted in the Cq
	Layout     string   `yaml:"layout"`     // multiplex (default) | singleplex: one well a target
	Replicates int      `yaml:"replicates"` // wells of one sample that must agree; 0 means 1
	Minutes    int      `yaml:"pcr_minutes"`
	LoD        Quantity `yaml:"lod"`
	Volume     float64  `yaml:"volume_ul"` // reaction volume
	MaxPool    int      `yaml:"max_pool"`  // largest validated number of samples in one tube; 0 not stated
	MaxSamples int      `yaml:"max_samples_per_plate"`
	Specimens  words    `yaml:"specimens"`
	Models     words    `yaml:"instruments"` // models named in the insert; empty: not limited
	Shared     bool     `yaml:"shared_channel"`
	Note       string   `yaml:"note"`

	Targets  []Assay     `yaml:"targets"`
	States   []StateRule `yaml:"states"`
	Calls    []CallRule  `yaml:"calls"`
	Controls []Control   `yaml:"controls"`

	Digest string  `yaml:"-"` // SHA-256 of the file, hex
	table  *table  // see compile
	faults []Fault // unknown fields, reported by Check
}

// Standing says how well a kit's figures are known.
type Standing string

// The standings: an unverified kit cannot be used until a supervisor has confirmed its insert.
const (
	Verified   Standing = "verified"
	Unverified Standing = "unverified"
)

// Key names a kit and its version, "id@version"; plates, wells and calls carry it.
func (k *Kit) Key() string { return k.ID + "@" + k.Version }

// Usable says whether samples may be tested with the kit: its figures are verified, or a named person has
// confirmed them against an insert.
func (k *Kit) Usable() bool {
	return k.Status == Verified || (k.ApprovedBy != "" && k.InsertHash != "")
}

// Title is the kit's name in a language ("zh", "en"), in any language it has, or its id.
func (k *Kit) Title(lang string) string {
	for _, l := range []string{lang, "en", "zh", ""} {
		if s := k.Name[l]; s != "" {
			return s
		}
	}
	return k.ID
}

// Assay is one target of a kit.
type Assay struct {
	ID          string `yaml:"id"`
	Role        string `yaml:"role"` // virus | internal
	Gene        string `yaml:"gene"`
	Channel     string `yaml:"channel"`
	Aliases     words  `yaml:"aliases"` // further names that instruments send
	Origin      string `yaml:"origin"`  // of an internal control: endogenous | exogenous
	Wells       string `yaml:"wells"`   // own: this target has a well of its own
	Specificity string `yaml:"specificity"`
	Required    *bool  `yaml:"required"` // internal control: must be positive for a negative; default true
	LOINC       texts  `yaml:"loinc"`    // presence, ct
	Note        string `yaml:"note"`
	Line        int    `yaml:"-"`
}

// The roles of a target.
const (
	Virus    = "virus"
	Internal = "internal"
)

// Needed says whether a negative needs this internal control to be positive.
func (a Assay) Needed() bool { return a.Role == Internal && (a.Required == nil || *a.Required) }

// Quantity is a number with its unit.
type Quantity struct {
	Value float64 `yaml:"value"`
	Unit  string  `yaml:"unit"`
}

// StateRule turns the value of a target into its state; the first that matches wins.
type StateRule struct {
	Targets     words  `yaml:"targets"`
	Instruments words  `yaml:"instruments"` // empty: any
	When        Test   `yaml:"when"`
	State       string `yaml:"state"`
	Note        string `yaml:"note"`
	Line        int    `yaml:"-"`
}

// The states of a target. None means "not assessed": nothing, or nothing usable, is known.
const (
	Pos  = "pos"
	Neg  = "neg"
	Grey = "grey"
	Inv  = "inv"
	None = "none"
)

// CallRule turns the states of a sample into its call; the first that matches wins.
type CallRule struct {
	When    Cond   `yaml:"when"`
	Default bool   `yaml:"default"`
	Call    string `yaml:"call"`
	Action  string `yaml:"action"`
	Note    string `yaml:"note"`
	Line    int    `yaml:"-"`
}

// The calls (domain 1.7).
const (
	Negative    = "negative"
	Positive    = "positive"
	Presumptive = "presumptive_positive"
	Suspicious  = "suspicious"
	Doubtful    = "inconclusive"
	Invalid     = "invalid"
	Pending     = "pending"
	Review      = "review"
)

// Control is a control of the kit and what it must show.
type Control struct {
	ID         string          `yaml:"id"`
	Role       string          `yaml:"role"`  // a plate.Role; "" is read off the id
	Scope      string          `yaml:"scope"` // plate | extraction_batch
	PerPlate   int             `yaml:"per_plate_min"`
	PerBatch   int             `yaml:"per_batch_min"`
	PerSamples int             `yaml:"per_samples"` // one for each so many samples
	Expect     map[string]Test `yaml:"expect"`
	OnFail     string          `yaml:"on_fail"`
	Note       string          `yaml:"note"`
	Line       int             `yaml:"-"`
}

// The scopes of a control and what follows when it fails.
const (
	ScopePlate = "plate"
	ScopeBatch = "extraction_batch"

	FailPlate     = "invalidate_plate" // the whole plate is amplified again
	FailBatch     = "invalidate_batch"
	FailReextract = "reextract_batch"
	FailAll       = "reextract_all"
)

// Context is what is known of a sample from earlier attempts with this kit.
type Context struct {
	Instrument  string // model, for rules limited to instruments
	Attempt     int    // 1 for the first test; 0 means 1
	PriorAction string
	PriorCall   string
}

// Call is what the kit says of one well (or of the wells of one sample where the kit needs several).
type Call struct {
	Kit     string   // kit key
	Call    string   // negative, positive, pending, suspicious, inconclusive, presumptive_positive, invalid, review
	Action  string   // reextract, retest_eluate, retest_sample, retest_other_kit, resample, refer, report_unable; "" none
	Rule    int      // index of the rule that fired, counted from 1; 0: none, see Why
	Why     string   // the rule and its inputs in words that a reviewer can check
	Targets Findings // one a target, in the order of the kit
}
