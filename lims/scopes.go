package lims

import "slices"

// The scopes of an API token.
const (
	OrdersWrite     = "orders:write"     // register orders
	SamplesWrite    = "samples:write"    // take tubes and boxes down at the sampling point
	ReceiptWrite    = "receipt:write"    // receive boxes
	MessagesWrite   = "messages:write"   // push what an instrument said
	ResultsRead     = "results:read"     // read released results
	DeliveriesWrite = "deliveries:write" // confirm deliveries
	InstrumentsRead = "instruments:read" // how the lines are
	RulesWrite      = "rules:write"      // read and set the rules of the laboratory
)

// Scopes are all of them.
var Scopes = []string{OrdersWrite, SamplesWrite, ReceiptWrite, MessagesWrite, ResultsRead, DeliveriesWrite, InstrumentsRead, RulesWrite}

// KnownScope says whether a token may be given the scope.
func KnownScope(s string) bool { return slices.Contains(Scopes, s) }
