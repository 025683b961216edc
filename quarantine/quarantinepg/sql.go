package quarantinepg

import (
	"embed"
	"strings"

	"github.com/theriac/theriac/internal/pgkit"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Each statement stands in a file of its own. Where a file has the comment
// /*filter*/, /*order*/ or /*lock*/, [filter] may put conditions, a direction and
// a lock there.
var (
	//go:embed sql/attempt_add.sql
	sqlAttemptAdd string
	//go:embed sql/attempt_deaths.sql
	sqlAttemptDeaths string
	//go:embed sql/attempt_list.sql
	sqlAttemptList string
	//go:embed sql/attempt_trim.sql
	sqlAttemptTrim string
	//go:embed sql/audit_add.sql
	sqlAuditAdd string
	//go:embed sql/audit_list.sql
	sqlAuditList string
	//go:embed sql/audit_refusals.sql
	sqlAuditRefusals string
	//go:embed sql/audit_request.sql
	sqlAuditRequest string
	//go:embed sql/change_list.sql
	sqlChangeList string
	//go:embed sql/claim_look.sql
	sqlClaimLook string
	//go:embed sql/clock.sql
	sqlClock string
	//go:embed sql/control_clear.sql
	sqlControlClear string
	//go:embed sql/control_list.sql
	sqlControlList string
	//go:embed sql/control_lock.sql
	sqlControlLock string
	//go:embed sql/control_raise.sql
	sqlControlRaise string
	//go:embed sql/control_set.sql
	sqlControlSet string
	//go:embed sql/control_version.sql
	sqlControlVersion string
	//go:embed sql/crash_about.sql
	sqlCrashAbout string
	//go:embed sql/crash_add.sql
	sqlCrashAdd string
	//go:embed sql/crash_counts.sql
	sqlCrashCounts string
	//go:embed sql/crash_find.sql
	sqlCrashFind string
	//go:embed sql/crash_get.sql
	sqlCrashGet string
	//go:embed sql/crash_list.sql
	sqlCrashList string
	//go:embed sql/crash_of.sql
	sqlCrashOf string
	//go:embed sql/crash_refs.sql
	sqlCrashRefs string
	//go:embed sql/entry_add.sql
	sqlEntryAdd string
	//go:embed sql/entry_count.sql
	sqlEntryCount string
	//go:embed sql/entry_list.sql
	sqlEntryList string
	//go:embed sql/entry_move.sql
	sqlEntryMove string
	//go:embed sql/entry_newest.sql
	sqlEntryNewest string
	//go:embed sql/entry_refs.sql
	sqlEntryRefs string
	//go:embed sql/entry_waiting.sql
	sqlEntryWaiting string
	//go:embed sql/group_act.sql
	sqlGroupAct string
	//go:embed sql/group_add.sql
	sqlGroupAdd string
	//go:embed sql/group_by_ref.sql
	sqlGroupByRef string
	//go:embed sql/group_count.sql
	sqlGroupCount string
	//go:embed sql/group_find.sql
	sqlGroupFind string
	//go:embed sql/group_list.sql
	sqlGroupList string
	//go:embed sql/group_lock.sql
	sqlGroupLock string
	//go:embed sql/group_refs.sql
	sqlGroupRefs string
	//go:embed sql/group_told.sql
	sqlGroupTold string
	//go:embed sql/message_count.sql
	sqlMessageCount string
	//go:embed sql/message_decided.sql
	sqlMessageDecided string
	//go:embed sql/message_hold.sql
	sqlMessageHold string
	//go:embed sql/message_settle.sql
	sqlMessageSettle string
	//go:embed sql/message_suspect.sql
	sqlMessageSuspect string
	//go:embed sql/notice_due.sql
	sqlNoticeDue string
	//go:embed sql/notice_get.sql
	sqlNoticeGet string
	//go:embed sql/notice_lock.sql
	sqlNoticeLock string
	//go:embed sql/notice_put.sql
	sqlNoticePut string
	//go:embed sql/notice_stats.sql
	sqlNoticeStats string
	//go:embed sql/notifier_lead.sql
	sqlNotifierLead string
	//go:embed sql/notifier_leave.sql
	sqlNotifierLeave string
	//go:embed sql/notifier_lock.sql
	sqlNotifierLock string
	//go:embed sql/payload_add.sql
	sqlPayloadAdd string
	//go:embed sql/payload_get.sql
	sqlPayloadGet string
	//go:embed sql/sequence_next.sql
	sqlSequenceNext string
	//go:embed sql/suspect_add.sql
	sqlSuspectAdd string
	//go:embed sql/suspect_clear.sql
	sqlSuspectClear string
	//go:embed sql/suspect_list.sql
	sqlSuspectList string
	//go:embed sql/suspect_lock.sql
	sqlSuspectLock string
	//go:embed sql/suspect_settle.sql
	sqlSuspectSettle string
	//go:embed sql/worker_add.sql
	sqlWorkerAdd string
	//go:embed sql/worker_confirm.sql
	sqlWorkerConfirm string
	//go:embed sql/worker_end.sql
	sqlWorkerEnd string
	//go:embed sql/worker_heard.sql
	sqlWorkerHeard string
	//go:embed sql/worker_list.sql
	sqlWorkerList string
	//go:embed sql/worker_lock.sql
	sqlWorkerLock string
	//go:embed sql/worker_prune.sql
	sqlWorkerPrune string
	//go:embed sql/worker_session.sql
	sqlWorkerSession string
	//go:embed sql/worker_share.sql
	sqlWorkerShare string
	//go:embed sql/worker_snapshot.sql
	sqlWorkerSnapshot string
	//go:embed sql/worker_take.sql
	sqlWorkerTake string
)

// filter is a [pgkit.Filter] that may have a direction and a lock.
type filter struct {
	*pgkit.Filter
	desc bool
	lock string // a locking clause, or ""
}

// newFilter returns a filter whose first argument is the statement's limit.
func newFilter(limit int) *filter { return &filter{Filter: pgkit.NewFilter(limit)} }

// apply puts the conditions and the direction into a statement.
func (f *filter) apply(statement string) string {
	order := ""
	if f.desc {
		order = "DESC"
	}
	return strings.NewReplacer("/*filter*/", f.Conditions(), "/*order*/", order, "/*lock*/", f.lock).Replace(statement)
}
