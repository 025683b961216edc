package incidentlite

import (
	"embed"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Each statement stands in a file of its own. Where a file has the comment /*filter*/ or /*order*/,
// [filter] may put conditions and an order there. Lists come as one JSON array.
var (
	//go:embed sql/audit_alerts.sql
	sqlAuditAlerts string
	//go:embed sql/audit_channels.sql
	sqlAuditChannels string
	//go:embed sql/audit_late.sql
	sqlAuditLate string
	//go:embed sql/audit_pages.sql
	sqlAuditPages string
	//go:embed sql/audit_unpublished.sql
	sqlAuditUnpublished string
	//go:embed sql/due_nudges.sql
	sqlDueNudges string
	//go:embed sql/due_pages.sql
	sqlDuePages string
	//go:embed sql/effect_get.sql
	sqlEffectGet string
	//go:embed sql/effect_list.sql
	sqlEffectList string
	//go:embed sql/effect_put.sql
	sqlEffectPut string
	//go:embed sql/event_add.sql
	sqlEventAdd string
	//go:embed sql/event_last.sql
	sqlEventLast string
	//go:embed sql/event_lease.sql
	sqlEventLease string
	//go:embed sql/event_list.sql
	sqlEventList string
	//go:embed sql/event_mark.sql
	sqlEventMark string
	//go:embed sql/event_pending.sql
	sqlEventPending string
	//go:embed sql/event_republish.sql
	sqlEventRepublish string
	//go:embed sql/field_free.sql
	sqlFieldFree string
	//go:embed sql/field_take.sql
	sqlFieldTake string
	//go:embed sql/inbound_add.sql
	sqlInboundAdd string
	//go:embed sql/inbound_get.sql
	sqlInboundGet string
	//go:embed sql/inbound_handled.sql
	sqlInboundHandled string
	//go:embed sql/inbound_known.sql
	sqlInboundKnown string
	//go:embed sql/inbound_lease.sql
	sqlInboundLease string
	//go:embed sql/inbound_mark.sql
	sqlInboundMark string
	//go:embed sql/inbound_pending.sql
	sqlInboundPending string
	//go:embed sql/incident_add.sql
	sqlIncidentAdd string
	//go:embed sql/incident_get.sql
	sqlIncidentGet string
	//go:embed sql/incident_head.sql
	sqlIncidentHead string
	//go:embed sql/incident_list.sql
	sqlIncidentList string
	//go:embed sql/incident_of_key.sql
	sqlIncidentOfKey string
	//go:embed sql/incident_seq.sql
	sqlIncidentSeq string
	//go:embed sql/incident_set.sql
	sqlIncidentSet string
	//go:embed sql/key_free.sql
	sqlKeyFree string
	//go:embed sql/key_holder.sql
	sqlKeyHolder string
	//go:embed sql/key_take.sql
	sqlKeyTake string
	//go:embed sql/pending.sql
	sqlPending string
	//go:embed sql/person_free.sql
	sqlPersonFree string
	//go:embed sql/person_get.sql
	sqlPersonGet string
	//go:embed sql/person_list.sql
	sqlPersonList string
	//go:embed sql/person_put.sql
	sqlPersonPut string
	//go:embed sql/person_rival.sql
	sqlPersonRival string
	//go:embed sql/person_take.sql
	sqlPersonTake string
	//go:embed sql/prune_effect.sql
	sqlPruneEffect string
	//go:embed sql/prune_effect_find.sql
	sqlPruneEffectFind string
	//go:embed sql/prune_inbound.sql
	sqlPruneInbound string
	//go:embed sql/prune_inbound_find.sql
	sqlPruneInboundFind string
	//go:embed sql/settings_add.sql
	sqlSettingsAdd string
	//go:embed sql/settings_get.sql
	sqlSettingsGet string
	//go:embed sql/sweepable.sql
	sqlSweepable string
	//go:embed sql/token_get.sql
	sqlTokenGet string
	//go:embed sql/token_list.sql
	sqlTokenList string
	//go:embed sql/token_put.sql
	sqlTokenPut string
	//go:embed sql/token_rival.sql
	sqlTokenRival string
)

// filter collects conditions that are joined by and. Conditions are texts of ours; what comes from
// outside is only ever an argument.
type filter struct {
	sql   strings.Builder
	args  []any
	order string
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

// in adds the condition that a column has one of the values.
func in[T ~string](f *filter, column string, values []T) {
	places := make([]string, len(values))
	for i, v := range values {
		places[i] = f.arg(string(v))
	}
	f.and(column + " IN (" + strings.Join(places, ", ") + ")")
}

// apply puts the conditions and the order into a statement.
func (f *filter) apply(statement string) string {
	return strings.NewReplacer("/*filter*/", f.sql.String(), "/*order*/", f.order).Replace(statement)
}
