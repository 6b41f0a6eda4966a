// Package pcr turns readings into calls: what a kit says of a well.
//
// It never does I/O and never guesses: a value that no rule of the kit covers becomes the call "review", and nothing that is
// missing, unreadable or unknown can become "negative". Invariants: a call names the kit version and the rule that fired; a
// negative has every virus target negative and every required internal control positive, whatever a kit's rules say; Cq
// values of two kits are never compared or averaged.
//
// # Kits, schema kit/v1
//
// A kit is a file (kits/NAME.yaml; JSON is read as well) and a folder of cases (testdata/NAME/cases.tsv); a test ties the two
// together. A key that is unknown or stands twice is refused; what is not understood never holds.
//
//	schema: kit/v1
//	id, version, status (verified | unverified), insert, insert_sha256, approved_by, valid_from, valid_to
//	name: {zh: …, en: …}
//	signal: ct | call          call: the instrument's own call per target
//	cycles, pre_cycles         pre-cycles are not counted in the Cq
//	layout: multiplex | singleplex; replicates: wells of a sample that must agree
//	targets:  id, role (virus | internal), channel, gene, aliases, origin, required, loinc
//	states:   first match wins: targets, [instruments], when, state (pos | neg | grey | inv | none)
//	calls:    first match wins: when, call, action; the last is {default: true, call: review}
//	controls: id, role, scope (plate | extraction_batch), expect, on_fail, per_plate_min, per_batch_min, per_samples
//
// Values are tested with ct_lt, ct_le, ct_gt, ct_ge (each also with _or_none), no_ct, call_in, curve (sigmoid | none | flagged),
// lot_range and any; several predicates all hold. Samples are tested with all, any_of, not, count {role, is, min, max}, target
// and is, target_any, target_all, attempt_lt, attempt_ge, prior_action, prior_call and curve (of every virus target with a Ct).
//
// Read takes a file, Check says what is wrong with it, Load refuses what Check faults. Kits whose figures are not from an insert
// are unverified: a laboratory uses them after a named person has compared them with the insert (see Usable).
//
// # Rules followed
//
// Calls: the kit's insert; where it says nothing, the national technical guide (two targets confirm, a single one is tested
// again, grey is repeated). Control charts: Westgard's rules as trend alarms and Grubbs' immediate method for fewer than 20
// points (WS/T 641 covers quantitative control only). Agreement: Wilson intervals, Cohen's kappa, Bland and Altman.
package pcr
