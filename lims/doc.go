// Package lims is the domain of the laboratory: its nouns, its transition tables and its decisions.
//
// It never does I/O, holds no clock (functions take the instant) and knows no HTTP, SQL or file. Invariants: state moves
// only along the tables in this package; a correction is a new fact beside the old one; nothing that is missing,
// unreadable or contradictory becomes "negative".
//
// The state machines, drawn from the tables (a test keeps them current; -update draws them anew):
//
//	order
//	  open    --release----> final
//	          --recollect--> waiting
//	          --cancel-----> cancelled
//	  final   --amend------> final
//	          --recollect--> waiting
//	  waiting --collect----> open
//	          --cancel-----> cancelled
//
//	sample
//	  registered --collect--> collected
//	  collected  --receive--> received
//	             --reject---> rejected
//	  received   --reject---> rejected
//	             --load-----> loaded
//	             --forward--> collected
//	  rejected   --discard--> discarded
//	  loaded     --read-----> read
//	             --unload---> received
//	  read       --close----> closed
//	             --repeat---> received
//	  closed     --reopen---> received
//	             --discard--> discarded
//
//	pool
//	  planned  --mix-----> received
//	           --drop----> dropped
//	  received --load----> loaded
//	           --drop----> dropped
//	  loaded   --read----> read
//	           --unload--> received
//	  read     --repeat--> received
//	           --close---> closed
//
//	plate
//	  open    --seal----> sealed
//	          --void----> void
//	  sealed  --start---> running
//	          --unseal--> open
//	          --void----> void
//	  running --read----> read
//	          --void----> void
//	  read    --accept--> accepted
//	          --void----> void
//
//	result
//	  called   --check-----> checked
//	           --hold------> held
//	           --withdraw--> withdrawn
//	  checked  --release---> released
//	           --withdraw--> withdrawn
//	  released --amend-----> superseded
//	  held     --check-----> checked
//	           --withdraw--> withdrawn
//
//	message
//	  kept   --record--> recorded
//	         --fail----> failed
//	         --park----> parked
//	  failed --retry---> kept
//	         --ignore--> ignored
//	  parked --record--> recorded
//	         --ignore--> ignored
//
//	delivery
//	  queued    --claim--------> sending
//	            --confirm------> acknowledged
//	  sending   --deliver------> delivered
//	            --confirm------> acknowledged
//	            --postpone-----> queued
//	            --expire-------> queued
//	            --refuse-------> refused
//	  delivered --acknowledge--> acknowledged
//	  refused   --requeue------> queued
package lims
