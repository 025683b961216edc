// Package incidentclock is what happens by itself: a [Relay] publishes what was stored, a [Clock] asks
// for what is due, and a [Watchdog] says through a way of its own when any of it is late. It runs no
// handlers and opens no document of an incident, so no message and no incident can harm it; and it
// needs no leader: any number of them may run beside each other.
//
//	relay      events and inbound rows ─► broker. It publishes, then marks: a death in between means
//	           one duplicate, which every handler survives.
//	clock      each beat is a query over columns, and a row in the inbox under a unique id, so a job
//	           is asked for once however many clocks run. Missed periods are not made up for.
//	watchdog   reads columns and keys, and speaks through the backup notifier, which uses neither
//	           broker nor worker nor chat.
//
// # Beats
//
//	job       every   asks for                                 stale after
//	due       5 s     the next step of an escalation           never; again after 2, 4, 8 … min while still due
//	effects   30 s    effects that should have happened        2 min; every 2, then 10 min where nothing changes
//	nudge     1 min   a reminder                               5 min; again then while still due
//	digest    1 min   the daily summary, weekdays at 09:00     6 h
//	audit     30 s    nothing; the watchdog looks              -
//	prune     1 h     nothing; old rows are deleted            -
package incidentclock
