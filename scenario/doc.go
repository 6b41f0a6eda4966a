// Package scenario plays whole days with the real program: days that are killed, boxes that do not agree, files that come twice,
// departments that do not answer.
//
// It holds tests only. It builds cmd/lims once and looks at what a person would: exit codes, standard output, pages, the API, the departments'
// own ledgers and the rows. Nothing in it waits for a time to pass; it waits for something to come true, with a deadline.
package scenario
