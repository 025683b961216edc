package slackkit

import (
	"errors"
	"strings"
)

// Refusals that a caller decides by. They are found with errors.Is in a *[PermanentError], which says
// more.
var (
	// ErrNameTaken is a channel name that another channel has, an archived one or a private one that the
	// app cannot see included.
	ErrNameTaken error = &refusedAs{"name_taken"}
	// ErrInvalidName is a channel name that Slack does not allow, see [ChannelName].
	ErrInvalidName error = &refusedAs{"invalid_name invalid_name_specials invalid_name_maxlength invalid_name_required invalid_name_punctuation no_channel"}
	// ErrChannelNotFound is a channel that does not exist, or a private one that the app is not in.
	ErrChannelNotFound error = &refusedAs{"channel_not_found"}
	// ErrNotInChannel is a channel that the app is not in. It is also what Slack answers when a bot wants
	// to bring an archived channel back, see [Client.Unarchive].
	ErrNotInChannel error = &refusedAs{"not_in_channel"}
	// ErrArchived is a channel in which nothing can be done any more.
	ErrArchived error = &refusedAs{"is_archived"}
	// ErrAlreadyArchived is a channel that was to be archived and is.
	ErrAlreadyArchived error = &refusedAs{"already_archived"}
	// ErrNotArchived is a channel that was to be brought back and is there.
	ErrNotArchived error = &refusedAs{"not_archived"}
	// ErrAlreadyInChannel is somebody invited who is there.
	ErrAlreadyInChannel error = &refusedAs{"already_in_channel"}
	// ErrCannotInviteSelf is the app invited by itself, which is there.
	ErrCannotInviteSelf error = &refusedAs{"cant_invite_self"}
	// ErrUserNotFound is a person whom the workspace does not know.
	ErrUserNotFound error = &refusedAs{"user_not_found users_not_found"}
	// ErrAlreadyPinned is a message that was to be pinned and is.
	ErrAlreadyPinned error = &refusedAs{"already_pinned"}
	// ErrTooLate is a click that is too old to open a modal, or a modal that changed since it was read.
	ErrTooLate error = &refusedAs{"expired_trigger_id exchanged_trigger_id invalid_trigger_id trigger_expired trigger_exchanged hash_conflict"}
)

// refusedAs is one code of Slack's, or several with one meaning, separated by spaces.
type refusedAs struct{ codes string }

// Error names the first code.
func (r *refusedAs) Error() string {
	first, _, _ := strings.Cut(r.codes, " ")
	return "Slack refuses: " + first
}

// Is reports whether target is the sentinel for this code.
func (e *PermanentError) Is(target error) bool {
	sentinel, ok := target.(*refusedAs)
	return ok && refusal{codes: sentinel.codes}.has(e.Code)
}

// Code returns Slack's word for a refusal, such as "name_taken", and "" for an error that is none.
func Code(err error) string {
	if refused, ok := errors.AsType[*PermanentError](err); ok {
		return refused.Code
	}
	return ""
}

// InDoubt reports whether the call may have happened although it failed: the request went out, and its
// answer never came or made no sense. Whoever repeats such a call looks first whether it did.
func InDoubt(err error) bool {
	retry, ok := errors.AsType[*RetryError](err)
	return ok && retry.Maybe
}
