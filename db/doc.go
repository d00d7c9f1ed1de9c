// Package db holds the graph of municipalities, partnerships, meetings and courses, the rules of what may happen to it, and the
// outbox of mails. It is one deep package: it exports verbs such as [DB.SendInvitations] and [DB.RecordAnswer], not tables.
//
// # Rules
//
// A rule such as "15 seats, then the waiting list" is only true inside a transaction, so rules live here. Each noun has its
// file: the model, the pure decisions, the verbs that apply them, the queries. A verb takes the [Actor], asks the policy in
// actor.go whether the actor may, runs in one transaction with one reading of the clock, and writes everything or nothing.
// Expected problems are [Error] values that a person can read; anything else is an ordinary error that only the log sees.
//
// # Reading
//
// A reading verb takes a [Shape]: the edges that the caller will read below the records. Every edge is loaded with one
// statement for all records at the same place, so the number of statements depends on the shape and never on the number of
// records. Connections below a record (the editions of a series) take arguments and are loaded on demand, once for all
// siblings. Drafts and personal data are left out in the queries themselves: there is no way round by node(id) or a nested path.
//
// # From a change to an inbox
//
// The transaction that makes a mail due also writes its [Delivery]. Package worker takes it from there:
//
//	                 StartDeliveries             SettleDeliveries
//	   ┌─────────┐   new claim, worker   ┌─────────┐
//	──►│ QUEUED  ├──────────────────────►│ SENDING ├──┬─► SENT
//	   └─────────┘                       └────┬────┘  ├─► FAILED      refused for good, or too often
//	        ▲ ▲     RequeueStale:             │       ├─► UNCERTAIN   connection broke after the last byte
//	        │ └───────────────────────────────┤       ├─► CANCELLED   had become untrue
//	        │       worker not seen           │       └─► SUPPRESSED  address takes no mail, or person no invitations
//	        └─────────────────────────────────┘
//	          refused for now, or not reached: not_before lies ahead
//
// A report that a mail came back makes it BOUNCED: from SENT, from UNCERTAIN, or from SENDING when it is faster than the
// commit. An invitation whose mail is FAILED, SUPPRESSED or BOUNCED is UNDELIVERED until it is answered or made again.
// An organiser can have invitations that did not arrive tried again: their mails are QUEUED once more, each as the mail it was.
//
// Every change of state is fenced by the claim: requeueing voids it, and whoever held it can settle nothing any more. The table of
// claims leads to all mails that are SENDING; a claim without any is closed. A mail is SENDING, committed, before its first byte
// leaves, and its outcome is committed before its connection sends another. So nothing is lost, and when a process dies at most
// one mail for each of its connections is sent twice, with the same Message-ID and Date.
//
// # Two databases
//
// PostgreSQL and SQLite run the same code on the same migrations; every difference is in dialect.go. On SQLite one
// connection writes and several read. Ids are UUIDs of version 7 that carry their [Kind]. Local times and the edition's zone
// are the truth of an agenda; instants are derived. Unique and check constraints guard every rule that they can guard.
package db
