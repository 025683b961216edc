package quarantinelite

import (
	"embed"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Each statement stands in a file of its own. Where a file has the comment
// /*filter*/ or /*order*/, [filter] may put conditions and a direction there.
var (
	//go:embed sql/attempt_add.sql
	sqlAttemptAdd string
	//go:embed sql/attempt_death.sql
	sqlAttemptDeath string
	//go:embed sql/attempt_list.sql
	sqlAttemptList string
	//go:embed sql/attempt_trim.sql
	sqlAttemptTrim string
	//go:embed sql/audit_add.sql
	sqlAuditAdd string
	//go:embed sql/audit_list.sql
	sqlAuditList string
	//go:embed sql/audit_request.sql
	sqlAuditRequest string
	//go:embed sql/change_bound.sql
	sqlChangeBound string
	//go:embed sql/change_list.sql
	sqlChangeList string
	//go:embed sql/change_now.sql
	sqlChangeNow string
	//go:embed sql/control_clear.sql
	sqlControlClear string
	//go:embed sql/control_list.sql
	sqlControlList string
	//go:embed sql/control_raise.sql
	sqlControlRaise string
	//go:embed sql/control_set.sql
	sqlControlSet string
	//go:embed sql/control_version.sql
	sqlControlVersion string
	//go:embed sql/crash_add.sql
	sqlCrashAdd string
	//go:embed sql/crash_counts.sql
	sqlCrashCounts string
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
	//go:embed sql/group_get.sql
	sqlGroupGet string
	//go:embed sql/group_hold.sql
	sqlGroupHold string
	//go:embed sql/group_list.sql
	sqlGroupList string
	//go:embed sql/group_move.sql
	sqlGroupMove string
	//go:embed sql/group_refs.sql
	sqlGroupRefs string
	//go:embed sql/group_seq.sql
	sqlGroupSeq string
	//go:embed sql/group_told.sql
	sqlGroupTold string
	//go:embed sql/message_attempted.sql
	sqlMessageAttempted string
	//go:embed sql/message_clear.sql
	sqlMessageClear string
	//go:embed sql/message_decided.sql
	sqlMessageDecided string
	//go:embed sql/message_get.sql
	sqlMessageGet string
	//go:embed sql/message_set.sql
	sqlMessageSet string
	//go:embed sql/message_settle.sql
	sqlMessageSettle string
	//go:embed sql/message_suspect.sql
	sqlMessageSuspect string
	//go:embed sql/notice_due.sql
	sqlNoticeDue string
	//go:embed sql/notice_get.sql
	sqlNoticeGet string
	//go:embed sql/notice_put.sql
	sqlNoticePut string
	//go:embed sql/notice_stats.sql
	sqlNoticeStats string
	//go:embed sql/notice_trouble.sql
	sqlNoticeTrouble string
	//go:embed sql/notifier_lead.sql
	sqlNotifierLead string
	//go:embed sql/notifier_leads.sql
	sqlNotifierLeads string
	//go:embed sql/notifier_leave.sql
	sqlNotifierLeave string
	//go:embed sql/payload_add.sql
	sqlPayloadAdd string
	//go:embed sql/payload_get.sql
	sqlPayloadGet string
	//go:embed sql/sequence_next.sql
	sqlSequenceNext string
	//go:embed sql/suspect_add.sql
	sqlSuspectAdd string
	//go:embed sql/suspect_list.sql
	sqlSuspectList string
	//go:embed sql/suspect_settle.sql
	sqlSuspectSettle string
	//go:embed sql/worker_add.sql
	sqlWorkerAdd string
	//go:embed sql/worker_alive.sql
	sqlWorkerAlive string
	//go:embed sql/worker_confirm.sql
	sqlWorkerConfirm string
	//go:embed sql/worker_end.sql
	sqlWorkerEnd string
	//go:embed sql/worker_heard.sql
	sqlWorkerHeard string
	//go:embed sql/worker_list.sql
	sqlWorkerList string
	//go:embed sql/worker_prune.sql
	sqlWorkerPrune string
)

// filter collects conditions that are joined by and. Conditions are texts of
// ours; what comes from outside is only ever an argument.
type filter struct {
	sql  strings.Builder
	args []any
	desc bool
}

// newFilter returns a filter whose first argument is the statement's limit.
func newFilter(limit int) *filter { return &filter{args: []any{limit}} }

// and adds a condition.
func (f *filter) and(condition string) { f.sql.WriteString(" AND " + condition) }

// arg adds an argument and returns its place.
func (f *filter) arg(v any) string {
	f.args = append(f.args, v)
	return "?" + strconv.Itoa(len(f.args))
}

// numbers adds arguments and returns their places.
func (f *filter) numbers(all []int64) string {
	places := make([]string, len(all))
	for i, n := range all {
		places[i] = f.arg(n)
	}
	return strings.Join(places, ", ")
}

// in adds the condition that a column has one of the values.
func in[T ~string](f *filter, column string, values []T) {
	if len(values) == 1 { // keeps the order of an index
		f.and(column + " = " + f.arg(string(values[0])))
		return
	}
	places := make([]string, len(values))
	for i, v := range values {
		places[i] = f.arg(string(v))
	}
	f.and(column + " IN (" + strings.Join(places, ", ") + ")")
}

// apply puts the conditions and the direction into a statement.
func (f *filter) apply(statement string) string {
	order := ""
	if f.desc {
		order = "DESC"
	}
	return strings.NewReplacer("/*filter*/", f.sql.String(), "/*order*/", order).Replace(statement)
}
