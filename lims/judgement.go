package lims

import (
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Case is everything that Judge needs to say what a run means: the run, the sealed layout, the kits in use and what
// is known of each sample from earlier attempts.
type Case struct {
	Run     pcr.Run
	Layout  plate.Layout
	Kits    map[string]*pcr.Kit     // by kit key, "id@version"
	Model   string                  // the instrument's model, for cut-offs per instrument
	History map[Tested]pcr.Context  // attempts, prior call and action
	Others  map[string]plate.Layout // plates open at the same time, for the fingerprint

	Bound   bool                            // a person bound the run to this plate: the plate's code is not compared
	Waived  map[string]bool                 // codes of differences that two people accepted for this run; they become flags
	Failed  map[string]string               // extraction batches that failed on other plates -> why
	Lots    map[string]map[string]pcr.Range // by lot of a control, then target: the range that its certificate states
	Earlier map[string][]Past               // by sample code: earlier results of the same subject, for the delta check
	Want    map[plate.Role]int              // controls that the laboratory's policy asks for on each plate, by role, for each kit
	Usual   float64                         // the laboratory's own share of positive wells, 0 unknown
	Rules   Suspicion                       // limits of the flags; zero values mean the defaults
}

// Tested is a sample and the kit that it is tested with. Attempts are counted for each: the first run with a second kit is the first
// attempt with that kit, whatever the other said before.
type Tested struct{ Code, Kit string }

// Past is an earlier result of a subject.
type Past struct {
	Call  string
	Hours float64 // before this run
	Cq    float64 // lowest virus Cq, 0 none
}

// Difference is one way in which a run does not fit its layout.
type Difference struct {
	Code string // plate.code, well.unknown, well.missing, sample.mismatch, target.unknown, target.missing, target.well, well.twice, kit.unknown
	Well string
	Got  string
	Want string
}

// ControlCall is the finding on one control well.
type ControlCall struct {
	Pos    plate.Pos
	Role   plate.Role
	Kit    string
	Scope  string // plate | extraction_batch
	Batch  string
	OK     bool
	Why    string // which expectation failed, with the value, e.g. "ORF1ab 31.20: expected none"
	OnFail string // what the kit says follows: invalidate_plate, reextract_batch …
	Lot    string
	Call   pcr.Call // the targets, for the control charts
}

// WellCall is what the kit says of one sample: of its well, or of its wells where the kit needs several.
type WellCall struct {
	Pos     plate.Pos
	Code    string // sample or pool barcode
	Kit     string
	Arm     string
	Call    pcr.Call
	Invalid bool // a control that covers this well failed: the call must not be used
	Flags   []Flag
	Also    []plate.Pos // further wells of the same sample: one target a well, or replicates
	Batch   string
}

// Flag is something suspicious that a reviewer must touch before release.
type Flag struct {
	Code string // stable: near_strong, late_control, identical_cq, curve_disagrees …
	Pos  plate.Pos
	Args Args
}

// Step is prescribed work after a run.
type Step struct {
	Action string // reextract, retest_eluate, retest_sample, retest_other_kit, resample, refer …
	Codes  []string
	Why    string // stable: plate_failed, batch_failed, call
}

// Verdict is what a run means. Judge is deterministic: the same case gives the same verdict.
type Verdict struct {
	Differences []Difference // not empty: the run does not fit the layout and must be parked
	Accepted    bool         // the controls of plate scope hold
	Controls    []ControlCall
	Wells       []WellCall // in row-major order
	Flags       []Flag     // of the plate as a whole
	Batches     []string   // extraction batches that failed here: their samples on other plates are invalid too
	Next        []Step     // what the laboratory does now
	Fits        []plate.Fit
}
