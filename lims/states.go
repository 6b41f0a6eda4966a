package lims

// State and Event name the rows and arrows of the tables below; the same words stand in SQL.
type (
	State string
	Event string
)

// States of an order, a sample, a plate, a result, a message and a delivery.
const (
	Open      State = "open"
	Waiting   State = "waiting" // for a new collection
	Final     State = "final"
	Cancelled State = "cancelled"

	Registered State = "registered"
	Collected  State = "collected"
	Received   State = "received"
	Rejected   State = "rejected"
	Loaded     State = "loaded"
	Read       State = "read"
	Closed     State = "closed"
	Discarded  State = "discarded"

	Sealed   State = "sealed"
	Running  State = "running"
	Accepted State = "accepted"
	Void     State = "void"

	Called     State = "called"
	Checked    State = "checked"
	Released   State = "released"
	Superseded State = "superseded"
	Held       State = "held"
	Withdrawn  State = "withdrawn"

	Kept     State = "kept"
	Recorded State = "recorded"
	Failed   State = "failed"
	Parked   State = "parked"
	Ignored  State = "ignored"

	Queued       State = "queued"
	Sending      State = "sending"
	Delivered    State = "delivered"
	Acknowledged State = "acknowledged"
	Refused      State = "refused"
)

// The transition tables, in the words of the trade. doc.go draws them; migrations repeat their states as CHECKs and a test compares.
var (
	OrderMoves = Table[State, Event]{
		{Open, "release", Final},
		{Open, "recollect", Waiting},
		{Waiting, "collect", Open},
		{Open, "cancel", Cancelled},
		{Waiting, "cancel", Cancelled},
		{Final, "amend", Final},
		{Final, "recollect", Waiting}, // the corrected result is none
	}
	SampleMoves = Table[State, Event]{
		{Registered, "collect", Collected},
		{Collected, "receive", Received},
		{Collected, "reject", Rejected},
		{Received, "reject", Rejected},
		{Received, "load", Loaded},
		{Received, "forward", Collected}, // in a box to another laboratory
		{Loaded, "read", Read},
		{Read, "close", Closed},
		{Loaded, "unload", Received},
		{Read, "repeat", Received},
		{Closed, "reopen", Received},
		{Rejected, "discard", Discarded},
		{Closed, "discard", Discarded},
	}
	PlateMoves = Table[State, Event]{
		{Open, "seal", Sealed},
		{Sealed, "start", Running},
		{Running, "read", Read},
		{Read, "accept", Accepted},
		{Sealed, "unseal", Open},
		{Open, "void", Void},
		{Sealed, "void", Void},
		{Running, "void", Void},
		{Read, "void", Void},
	}
	ResultMoves = Table[State, Event]{
		{Called, "check", Checked},
		{Checked, "release", Released},
		{Released, "amend", Superseded},
		{Called, "hold", Held},
		{Held, "check", Checked},
		{Called, "withdraw", Withdrawn},
		{Held, "withdraw", Withdrawn},
		{Checked, "withdraw", Withdrawn},
	}
	MessageMoves = Table[State, Event]{
		{Kept, "record", Recorded},
		{Kept, "fail", Failed},
		{Failed, "retry", Kept},
		{Kept, "park", Parked},
		{Parked, "record", Recorded},
		{Failed, "ignore", Ignored},
		{Parked, "ignore", Ignored},
	}
	DeliveryMoves = Table[State, Event]{
		{Queued, "claim", Sending},
		{Sending, "deliver", Delivered},
		{Delivered, "acknowledge", Acknowledged},
		{Sending, "confirm", Acknowledged}, // in the answer itself, or before we have noted the answer
		{Queued, "confirm", Acknowledged},  // the answer to an earlier try was lost
		{Sending, "postpone", Queued},
		{Sending, "expire", Queued},
		{Sending, "refuse", Refused},
		{Refused, "requeue", Queued},
	}
)
