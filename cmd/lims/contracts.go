package main

// The help of the commands that other programs call: what they read, what they print, their exit codes. These texts are
// public contracts; the examples are run by a test.

const exitCodes = `
Exit codes: 0 done; 1 something could not be read, written or answered, said on the standard error; 80 the command line is
not understood.`

// Help is the contract of lims pooling eval.
func (poolingEvalCmd) Help() string {
	return `One JSON object a line goes in, one JSON object a line comes out, in the same order and with the same "id" (any
JSON value; null where there is none). Blank lines are passed over, as are a byte order mark and CRLF. Each answer is written
as soon as its line is whole. A request names one kind; unknown, repeated or ill-typed fields are refused by name.

    scheme tree         stages, risk: sizes per stage, individuals implied
    scheme array        rows, cols, [master], [strict], risk
    scheme partition    pools, risk: two stages, sizes in ascending order of risk
    scheme halving      n, stages, risk
    scheme regular      r, s, [e], [n], risk: r pools of s each, e may miss
    scheme hypercube    l, d, [e], risk
    scheme design       pools, [n], [e], risk: any pools, members from 1
    scheme two-disease  n, joint: P(--), P(+-), P(-+), P(++)
    optimise tree       stages (2..5), [min], [max], risk, [objective, d1, d2]
    optimise array      [min], [max], [master], [oblong], [persons], risk
    optimise array-master, partition, halving, regular, hypercube, best
    decode              {pools, positive, [n], [e], [risk, se, sp]}
    prevalence          {pools: [{size, tested, positive}], [estimator],
                        [interval], [level], [se], [sp]}
    dilution            {n, cut, [cq], [sigma], [efficiency], [target], [max]}

risk is one number for everybody (0 <= risk < 1) or a list, one per person; for an array also a list of rows. se and sp are
1 where they are left out; one number, or one per stage with the individuals last; for partition, regular, hypercube and
design pool and individual; for an array row-and-column and individual, with the master pool first, or
{"row":, "col":, "individual":, "master":}. rho on tree, halving and array is the correlation of persons in one pool or array.
objective is ET, MAR or GR; estimator is mle or firth; interval is clopper-pearson, score or lrt.

A scheme is answered with persons, expected_tests, tests_per_person, variance, pse, psp, pppv, pnpv, rounds, beyond_round,
transfers_per_person and per_person; optimise adds its configuration (stages, rows and cols, pools) and value. decode gives
sure, possible, candidates, cleared, untested, unexplained, contradicted; prevalence gives estimate, lower, upper; dilution
gives detected and ppa. Persons and pools count from 1. A measure without a value is null. A refused line is answered with
{"id":…,"error":{"code":…,"message":…}}: codes bad_json, bad_field, bad_risk, bad_accuracy, bad_size, too_large, empty_pool,
duplicate, unknown_member, over_validated, no_answer. It does not stop the others and does not change the exit code.

Example:

    {"id":1,"scheme":"tree","stages":[[18],[5,5,5,3]],"risk":0.001,"se":0.95,"sp":0.95}
    {"id":2,"scheme":"array","rows":8,"cols":12,"risk":0.01,"se":{"row":0.95,"col":0.95,"individual":0.99}}
    {"id":3,"optimise":"tree","stages":3,"max":30,"risk":0.01,"se":0.99,"sp":0.99}
    {"id":4,"decode":{"pools":[[1,2],[2,3],[1,3]],"positive":[1,2]}}
    {"id":5,"prevalence":{"pools":[{"size":10,"tested":100,"positive":10}]}}
    {"id":6,"dilution":{"n":5,"cut":37,"cq":[24.5,31.2,36.1]}}
` + exitCodes
}

// Help is the contract of lims pooling plan.
func (poolingPlanCmd) Help() string {
	return `Prints the recommended scheme, why, and a table of all schemes within the limits; schemes that break a limit come
last and say which. Programs ask the same with {"optimise":"best",…} of lims pooling eval. That no scheme keeps within the
limits is an answer, not an error.

Example:

    lims pooling plan --prevalence 0.002 --persons 1700 --wells 368 --lang en
` + exitCodes
}

// Help is the contract of lims kit check.
func (kitCheck) Help() string {
	return `Reads a kit file (schema kit/v1, YAML or JSON) and prints one line a finding, FILE:LINE: error: … or FILE:LINE:
warning: …, with the combination of states that has no call or an unsafe one. A sound kit ends with a line "…: sound".
Errors: a value without a state; a combination without a call; a last rule that is not {default: true, call: review};
negative while a virus target is not negative or a required internal control is not positive; invalid beside a positive
target; keys that are unknown or stand twice; tests that no value fulfils; figures that cannot be.

    schema: kit/v1
    id: my-kit
    signal: ct                  # or call: the instrument's own words
    targets:
      - {id: N, role: virus}
      - {id: IC, role: internal}
    states:                     # the first that holds; ct_lt ct_le ct_gt ct_ge (each
                                # also _or_none) no_ct call_in curve lot_range any
      - {targets: [N], when: {ct_lt: 38, curve: sigmoid}, state: pos}
      - {targets: [N], when: {ct_lt: 38}, state: grey}
      - {targets: [N], when: {any: true}, state: neg}
      - {targets: [IC], when: {ct_le: 35}, state: pos}
      - {targets: [IC], when: {any: true}, state: neg}
    calls:                      # the first that holds; all any_of not count target
                                # target_any target_all attempt_lt attempt_ge
                                # prior_action prior_call curve
      - {when: {target: N, is: [pos]}, call: positive}
      - {when: {all: [{target: N, is: [neg]}, {target: IC, is: [pos]}]}, call: negative}
      - {default: true, call: review}

Example:

    lims kit check mykit.yaml

Exit codes: 0 sound, warnings or not; 1 at least one error, or the file could not be read; 80 the command line is not
understood.`
}

// Help is the contract of lims kit print.
func (kitPrint) Help() string {
	return `Prints targets, states, calls, controls, every combination of states with its call, the faults that the check
finds, and lines to sign. A kit with faults is printed all the same.

Example:

    lims kit print mykit.yaml --lang en --format html > mykit.html
` + exitCodes
}

// Help is the contract of lims kit call.
func (kitCall) Help() string {
	return `Reads every *.yaml, *.yml and *.json of the folder and answers the cases, one line a case in their order: call, a
tab, action ("-" for none). Calls are negative, positive, presumptive_positive, suspicious, inconclusive, invalid, pending and
review; "error" and "-" stand for a case that cannot be answered, and the standard error says why.

The case file has tabs between its fields: kit (file name or id), readings, curves, context. A first line that names the
columns may put them in another order, with others between; blank lines and lines that begin with # are left out. Readings are
TARGET=VALUE with blanks between; curves (sigmoid where nothing is said, none, flagged) likewise; context is attempt,
prior_action, prior_call, instrument. "-" is an empty field.

A value is a number of cycles (37.9 or 37,9), or the instrument's word where the kit's signal is call. -, --, NoCt,
Undetermined, N/A and NaN say that nothing amplified. ">40" is a lower bound. An empty value, 0, a number below 0 or above 100
and anything else say nothing: the target is not assessed then, and no such case is called negative.

Example:

    kit     readings        curves  context
    my-kit  N=37.9 IC=30    N=none  attempt=2 prior_action=reextract

    lims kit call --kits kits --cases cases.tsv

Exit codes: 0 every case was answered; 1 at least one was not, the others are answered all the same; 80 the command line is
not understood.`
}

// Help is the contract of lims decode.
func (decodeCmd) Help() string {
	return `Prints one JSON object a reading, the files in the order given, with the fields file, driver, instrument, plate,
well, sample, target, dye, cq (a number as the file has it, or null), state (cq, none: no amplification, empty: nothing said), call, task, status, value and
unit. A file that is refused gives one object {"error":{"code":…,"message":…,"file":…,"line":…}} (line 0 where it is not
known); the other files are read all the same. What was left out of a file goes to the standard error, a line each.

Example:

    lims decode --driver cfx run1.csv run2.csv

Exit codes: 0 every file was read; 3 at least one file was refused; 1 the output could not be written; 80 the command line is
not understood.`
}
