package pcr

// Kit is a reagent kit as data, schema kit/v1. A version that was used is immutable.
type Kit struct {
	Schema  string   `yaml:"schema"`
	ID      string   `yaml:"id"`
	Version string   `yaml:"version"`
	Status  Standing `yaml:"status"`
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

// Context is what is known of a sample from earlier attempts with this kit.
type Context struct {
	Instrument  string // model, for rules limited to instruments
	Attempt     int    // 1 for the first test; 0 means 1
	PriorAction string
	PriorCall   string
}

// Call is what the kit says of one well (or of the wells of one sample where the kit needs several).
type Call struct {
	Kit     string            // kit key
	Call    string            // negative, positive, pending, suspicious, inconclusive, presumptive_positive, invalid, review
	Action  string            // reextract, retest_eluate, retest_sample, retest_other_kit, resample, refer, report_unable; "" none
	Rule    int               // index of the rule that fired, counted from 1
	Why     string            // the rule and its inputs in words that a reviewer can check
	Targets map[string]Target // by target id
}

// Target is the finding on one target of a kit.
type Target struct {
	State  string // pos, neg, grey, inv, none
	Cq     float64
	HasCq  bool
	CqText string
	Rule   int // index of the state rule that fired, counted from 1
}
