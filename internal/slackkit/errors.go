package slackkit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrUnavailable is wrapped by every failure that may pass by itself: Slack is away, slow, limits us,
// or answers what is no answer. Whoever gets it tries again later.
var ErrUnavailable = errors.New("no good answer from Slack just now")

// PermanentError is a refusal that trying again does not change: the token, the channel or the message
// itself has to be mended by a person first.
type PermanentError struct {
	// Method is the method of Slack's API, such as "chat.postMessage", or "response_url".
	Method string
	// Code is Slack's word for the reason, such as "channel_not_found". It holds lower case letters,
	// digits, underscores and points only, whatever Slack sent.
	Code string
	// Needed is the scope that is missing, if Slack named one.
	Needed string
}

// Error says what was refused and what a person can do.
func (e *PermanentError) Error() string {
	text := fmt.Sprintf("Slack refuses %s: %s: %s", e.Method, e.Code, advice(e.Code))
	if e.Needed != "" {
		text += " (needs " + e.Needed + ")"
	}
	return text
}

// Advice says what a person can do about the refusal, without naming method and code.
func (e *PermanentError) Advice() string { return advice(e.Code) }

// ProblemKind sorts the refusal, see internal/problem.
func (e *PermanentError) ProblemKind() string {
	for _, r := range refusals() {
		if r.has(e.Code) {
			return r.kind
		}
	}
	return "refused"
}

// RetryError is a failure that may pass by itself. It wraps [ErrUnavailable] and its cause.
type RetryError struct {
	// Method is the method of Slack's API, or "response_url".
	Method string
	// After is how long Slack, or our own budget, wants us to wait; 0 when nothing was said.
	After time.Duration
	// Maybe reports that the request went out and its answer never came or made no sense: Slack may
	// have done what it was asked, so a second try may show twice.
	Maybe bool
	// Err is the cause. It holds nothing that Slack wrote, and no address with a secret in it.
	Err error
}

// Error says which method failed and why.
func (e *RetryError) Error() string {
	text := fmt.Sprintf("Slack %s: %v", e.Method, e.Err)
	if e.After > 0 {
		text += fmt.Sprintf("; try again in %s", e.After.Round(time.Second))
	}
	return text
}

// Unwrap returns [ErrUnavailable] and the cause.
func (e *RetryError) Unwrap() []error { return []error{ErrUnavailable, e.Err} }

// ProblemKind sorts the failure, see internal/problem.
func (e *RetryError) ProblemKind() string {
	if errors.Is(e.Err, context.Canceled) {
		return "interrupted"
	}
	return "unavailable"
}

// RetryAfter returns how long the cause of err wants a caller to wait, and 0 when it says nothing.
func RetryAfter(err error) time.Duration {
	if retry, ok := errors.AsType[*RetryError](err); ok {
		return retry.After
	}
	return 0
}

// IsPermanent reports whether trying again cannot help.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[*PermanentError](err)
	return ok
}

// refusal is a group of codes with one kind of problem and one advice.
type refusal struct {
	codes  string // separated by spaces
	kind   string
	advice string
}

func (r refusal) has(code string) bool {
	for known := range strings.FieldsSeq(r.codes) {
		if known == code {
			return true
		}
	}
	return false
}

// refusals returns the codes whose meaning is known. A code that is in no row is permanent as well,
// since Slack documents those that pass by themselves, see passing.
func refusals() []refusal {
	return []refusal{
		{"invalid_auth not_authed token_revoked token_expired account_inactive two_factor_setup_required", "not allowed",
			"the token is not valid any more; install the app again and give its new token"},
		{"missing_scope not_allowed_token_type no_permission access_denied ekm_access_denied org_login_required team_access_not_granted enterprise_is_restricted", "not allowed",
			"the app lacks a permission; add the scope to the app and install it again"},
		{"channel_not_found team_not_found user_not_found users_not_found user_not_visible", "not found",
			"there is no such channel or user here; check the configured id, and invite the app if the channel is private"},
		{"message_not_found thread_not_found cannot_reply_to_message", "not found",
			"the message is gone; a new one has to be posted"},
		{"not_in_channel user_not_in_channel", "refused",
			"invite the app to the channel"},
		{"is_archived", "refused",
			"the channel is archived; bring it back or configure another"},
		{"cant_update_message edit_window_closed", "refused",
			"the message cannot be edited any more; a new one has to be posted"},
		{"restricted_action restricted_action_read_only_channel restricted_action_thread_only_channel restricted_action_non_threadable_channel restricted_action_thread_locked messages_tab_disabled", "refused",
			"the workspace does not let the app do this here; ask its administrators or configure another channel"},
		{"msg_too_long msg_blocks_too_long no_text invalid_blocks invalid_blocks_format invalid_arguments invalid_arg_name invalid_json invalid_form_data view_too_large duplicate_external_id metadata_too_large too_many_attachments", "invalid",
			"the message breaks a limit of Slack's; this is a mistake in the program"},
		{"expired_trigger_id exchanged_trigger_id invalid_trigger_id trigger_expired trigger_exchanged", "conflict",
			"the click is too old; click again"},
		{"expired_url used_url", "conflict",
			"the click is too old to be answered"},
		{"address_not_allowed", "not allowed",
			"an answer was asked for at an address that is not Slack's"},
		{"name_taken", "conflict",
			"another channel has this name, maybe an archived one; choose another name"},
		{"invalid_name invalid_name_specials invalid_name_maxlength invalid_name_required invalid_name_punctuation no_channel", "invalid",
			"Slack does not allow this name for a channel; this is a mistake in the program"},
		{"already_in_channel cant_invite_self already_archived not_archived already_pinned", "conflict",
			"it is so already; there is nothing to do"},
		{"cant_invite user_is_restricted user_is_ultra_restricted ura_max_channels cant_invite_bot", "refused",
			"this user cannot be invited here; a person has to look into it"},
		{"user_disabled", "refused", "this user has left the workspace"},
		{"cant_archive_general cant_archive_required", "refused",
			"the workspace needs this channel; configure another"},
		{"too_long", "invalid", "the text is longer than Slack allows; this is a mistake in the program"},
		{"hash_conflict", "conflict", "the window has changed since it was read; open it again"},
		{"too_many_channels", "refused",
			"the workspace has more channels than can be looked through; give the id of the channel"},
		{"link_disabled", "refused",
			"Socket Mode is turned off for the app; turn it on, or set a request URL"},
	}
}

// passing returns the codes that pass by themselves.
func passing() refusal {
	return refusal{codes: "ratelimited rate_limited message_limit_exceeded internal_error fatal_error service_unavailable request_timeout team_added_to_org accesslimited"}
}

func advice(code string) string {
	for _, r := range refusals() {
		if r.has(code) {
			return r.advice
		}
	}
	return "see Slack's documentation of this code"
}

// cleanCode returns a code of Slack's as it may be shown and stored.
func cleanCode(code string) string {
	if code == "" || len(code) > 80 {
		return "unreadable_code"
	}
	for _, r := range code {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '.' {
			return "unreadable_code"
		}
	}
	return code
}

// cleanScope returns a list of scopes as it may be shown, or "" for what is none.
func cleanScope(scopes string) string {
	if len(scopes) > 200 {
		return ""
	}
	for _, r := range scopes {
		if (r < 'a' || r > 'z') && r != ':' && r != '.' && r != ',' && r != '_' && r != '-' && r != ' ' {
			return ""
		}
	}
	return scopes
}
