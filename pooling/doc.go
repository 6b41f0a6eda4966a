// Package pooling is the arithmetic of group testing: what a scheme costs and
// misses, which scheme to choose, what a set of pool readings says about each
// person, how common the infection is, and what to do with a pool that is not
// negative when the clock is running.
//
// It never does I/O of its own, never reads a clock, keeps no state between
// calls and imports nothing but the standard library. The same question always
// gets the same answer, to the last bit.
//
// Invariants:
//   - Expectations are exact closed forms, held against exhaustive enumeration
//     of every infection state and every reading in the tests.
//   - A question that has no answer gets an *Error with a code, never a number.
//   - Everybody a set of readings does not clear is confirmed singly before
//     anybody is called positive (decode.go).
//   - Test errors are independent given the true states, except in dilution.go,
//     which integrates over the viral load and reports both figures.
//
// Words: a person is one member of a pool; a round is one stage of tests that
// run at the same time; risk is the probability that a person is positive;
// accuracy is Se and Sp of one kind of test. Persons and pools are numbered from
// 0 in Go and from 1 in the JSON of Eval.
//
// Sources: Kim, Hudgens, Dreyfuss, Westreich, Pilcher, Biometrics 2007 (arrays);
// Hwang, JASA 1975 (ordered partitions); Hitt, Bilder, Tebbs, McMahan, Stat Med
// 2019 (measures and objectives); Mutesa et al., Nature 2021 (hypercube);
// Hepworth and Biggerstaff, JABES 2017 (prevalence); FDA, Molecular Diagnostic
// Template for Commercial Manufacturers, 28 July 2020 (validation, monitoring).
package pooling
