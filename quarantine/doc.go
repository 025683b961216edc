// Package quarantine says what happens to poison: messages that failed as often
// as a policy allows are held as entries, with the evidence, until a person
// decides.
//
//	s, err := quarantine.New(store, quarantine.Config{SpoolDir: dir, Worker: w})
//	err = s.Run(ctx)                  // in a goroutine of its owner; the consumer waits for s.Ready()
//
// # States of an entry
//
//	          replay                succeeded
//	┌─ held ─────────► replaying ─────────────► replayed
//	│   ▲ ▲                │
//	│   │ └────────────────┘ failed again, or its worker died
//	│   │ restore
//	│   └──────────┐
//	└─ discard ─► discarded
//
// The same machine is drawn in docs/states.md and stands in the stores' schemas;
// tests compare them. Every change names the version it was decided on: of two
// who decide at once the second gets a *[ConflictError] that says who was first.
//
// # Write first, acknowledge second
//
// [Service.Quarantine] returns nil only when the message is durable, and only
// then may it be acknowledged. Because the acknowledgement can still be lost,
// everything is idempotent by [Identity]: a redelivery of a decided message is
// found by [Service.Standing] and acknowledged on sight; one that is held again
// is the same entry. Brokers reuse ids, so identity is id, publish time and
// digest of the payload together.
//
// # Deaths and suspects
//
// [Service.ReportCrash] stores the death of a process. Its culprit, and all others
// that may have been the cause, are suspects from then on, in this process at once
// and in every other one with its next poll: they run alone, until
// [Service.SettleSuspect] says what became of them. One that succeeded alone is
// decided like one that is held. [Service.Reprieve] asks for the replay of what was
// held as crashed, when it turns out that everything kills.
//
// A machine that dies takes the guardian and its records along. Against that a
// worker can keep a snapshot of what it runs in its row of the registry
// (Config.Running): whoever finds it dead by its lock reports it with that. What is
// done within Config.SnapshotEvery is not in it; [Service.Begin] closes that hole,
// for a few milliseconds a message.
//
// # Telling people
//
// Whatever people see of a group raises [Group].Changes in the transaction that makes
// it. A notifier compares that with what it told last ([NoticeStore]): nothing is told
// that did not happen, nothing that happened is forgotten, and a storm is one thing to
// tell. One notifier leads at a time, for as long as it renews its lead; what another
// one puts is refused. Why something could not be told is kept with it, and
// [Service.NoticeStats] says how far telling is behind.
//
// [Service.GroupTake], [Service.GroupSnooze] and [Service.GroupRelease] say who looks
// after a group. An act that comes through a surface which may repeat itself carries a
// request key, and is carried out once ([ErrDuplicate]).
//
// # Controls
//
// People pause a subscription, or shed what is not critical ([Service.Pause],
// [Service.Shed]). What is in force is a few rows, and each act raises their version.
// Every worker reads them with each poll and tells its consumers
// ([Service.FollowControls]); when all have obeyed it confirms the version in the
// registry, with what that means for each subscription. [Service.WaitConfirmed] waits
// for that and names who is missing. What expires is not in force by the store's
// clock; a worker counts the rest of the time by its own from when it was told, so that an
// end comes without the store, too.
//
// # The ladder
//
// Storing m can fail because of m. Each step is tried when the one above failed:
//
//	the full row, in a batch of concurrent callers
//	the row alone, found by halving the batch: the others are stored
//	the row with its message and no derived text ([Entry].Degraded)
//	a synced file in the spool, stored when the store takes it
//	an error: the message stays with the broker
//
// A store that panics is treated as one that refuses the data; one that hangs is
// left behind after Config.WriteTimeout. A store that is away or late sends the
// batch straight to the spool. Attempts go down the same ladder, and their
// callers get an error where the totals stay unknown.
//
// # Who may do what
//
//	consumer   RecordAttempt, Quarantine, Standing, NextReplay, FinishReplay,
//	           ReportCrash, SettleSuspect, Reprieve, Begin, FollowControls
//	worker     Run: loads, follows changes, ingests the spool, keeps the registration
//	operator   EntryReplay, EntryDiscard, EntryRestore, GroupReplay, GroupDiscard,
//	           GroupTake, GroupSnooze, GroupRelease, Pause, Resume, Shed, with an author
//	           and, where it is required, a reason; and every read
//	notifier   LeadNotices, NoticesDue, NoticeGet, GroupAudit, PutNotices
//
// A replay is claimed by exactly one worker of its subscription and runs through
// the subscription's own handler; it is never published again. The claim ends
// with a result, or when the worker's lock in the store proves it dead, never by
// a timer. A worker that lost its lock joins again under a new incarnation, and
// results of the old one are refused.
//
// # What happens on failure
//
//	store away, spool there     messages are held in the spool; attempts wait there, totals unknown
//	store away, no spool        Quarantine fails; the message stays with the broker
//	spool full                  the same; nothing is dropped
//	store away, decided before  Standing returns an error; the message waits
//	store away, a death         ReportCrash fails; suspects are known here, not elsewhere
//	store away, a suspect done  SettleSuspect fails; it may run alone once more
//	store away, replay ended    the result is tried again until it is delivered or the claim is lost
//	store away, a pause         it goes on until its end; whoever starts waits for the store
//	store away, a notifier      nothing is told; what happened meanwhile is due afterwards
//	damaged spool file          set aside with the suffix ".bad" and logged
//	more than Config.KnownMax   the older half is forgotten; such a message may run again
//
// The room knows nothing of brokers, screens or SQL. Stores live one level below
// and pass quarantinetest.RunStoreTests.
package quarantine
