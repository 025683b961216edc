package incidentpg

import (
	"embed"
	"strings"
	"unicode/utf8"

	"github.com/theriac/theriac/internal/pgkit"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Each statement stands in a file of its own. Where a file has the comment
// /*filter*/, [apply] may put conditions there.
var (
	//go:embed sql/audit_alerts.sql
	sqlAuditAlerts string
	//go:embed sql/audit_channels.sql
	sqlAuditChannels string
	//go:embed sql/audit_late.sql
	sqlAuditLate string
	//go:embed sql/audit_outbox.sql
	sqlAuditOutbox string
	//go:embed sql/audit_pages.sql
	sqlAuditPages string
	//go:embed sql/effect_claim.sql
	sqlEffectClaim string
	//go:embed sql/effect_finish.sql
	sqlEffectFinish string
	//go:embed sql/effect_get.sql
	sqlEffectGet string
	//go:embed sql/effect_list.sql
	sqlEffectList string
	//go:embed sql/effect_release.sql
	sqlEffectRelease string
	//go:embed sql/effect_renew.sql
	sqlEffectRenew string
	//go:embed sql/event_list.sql
	sqlEventList string
	//go:embed sql/event_of.sql
	sqlEventOf string
	//go:embed sql/inbound_add.sql
	sqlInboundAdd string
	//go:embed sql/inbound_get.sql
	sqlInboundGet string
	//go:embed sql/inbound_handled.sql
	sqlInboundHandled string
	//go:embed sql/incident_by_id.sql
	sqlIncidentByID string
	//go:embed sql/incident_by_key.sql
	sqlIncidentByKey string
	//go:embed sql/incident_by_number.sql
	sqlIncidentByNumber string
	//go:embed sql/incident_list.sql
	sqlIncidentList string
	//go:embed sql/outbox_again.sql
	sqlOutboxAgain string
	//go:embed sql/outbox_done.sql
	sqlOutboxDone string
	//go:embed sql/outbox_due.sql
	sqlOutboxDue string
	//go:embed sql/outbox_lease.sql
	sqlOutboxLease string
	//go:embed sql/outbox_tell.sql
	sqlOutboxTell string
	//go:embed sql/person_get.sql
	sqlPersonGet string
	//go:embed sql/person_list.sql
	sqlPersonList string
	//go:embed sql/person_put.sql
	sqlPersonPut string
	//go:embed sql/prune.sql
	sqlPrune string
	//go:embed sql/save_free.sql
	sqlSaveFree string
	//go:embed sql/save_latest.sql
	sqlSaveLatest string
	//go:embed sql/save_lock.sql
	sqlSaveLock string
	//go:embed sql/settings_add.sql
	sqlSettingsAdd string
	//go:embed sql/settings_get.sql
	sqlSettingsGet string
	//go:embed sql/token_by_hash.sql
	sqlTokenByHash string
	//go:embed sql/token_list.sql
	sqlTokenList string
	//go:embed sql/token_put.sql
	sqlTokenPut string
	//go:embed sql/watch_nudges.sql
	sqlWatchNudges string
	//go:embed sql/watch_pages.sql
	sqlWatchPages string
	//go:embed sql/watch_sweep.sql
	sqlWatchSweep string
)

// The three statements that write events have that part in common.
var (
	//go:embed sql/events.sql
	sqlEvents string
	//go:embed sql/create.sql
	createFrame string
	//go:embed sql/save.sql
	saveFrame string
	//go:embed sql/append.sql
	appendFrame string

	sqlCreate = withEvents(createFrame)
	sqlSave   = withEvents(saveFrame)
	sqlAppend = withEvents(appendFrame)
)

func withEvents(frame string) string { return strings.Replace(frame, "/*events*/", sqlEvents, 1) }

// in adds the condition that a column has one of the values, if there are any.
func in[T ~string](f *pgkit.Filter, column string, values []T) {
	if len(values) > 0 {
		pgkit.In(f, column, values)
	}
}

// apply puts the conditions into a statement.
func apply(f *pgkit.Filter, statement string) string {
	return strings.Replace(statement, "/*filter*/", f.Conditions(), 1)
}

// ours returns those ids that a text column can hold; others are nobody's.
func ours(ids []string) []string {
	var known []string
	for _, id := range ids {
		if isOurs(id) {
			known = append(known, id)
		}
	}
	return known
}

func isOurs(id string) bool { return utf8.ValidString(id) && !strings.Contains(id, "\x00") }

// blobs returns texts as a bytea[] column takes them.
func blobs[T ~string](all []T) [][]byte { return pgkit.Column(all, pgkit.Blob[T]) }
