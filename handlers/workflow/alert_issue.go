package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/theriac/theriac/incident"
)

// Sentry tells of one issue in two ways: as an issue, which is one over all environments, and as an event that a rule
// picked, which is of one environment. An incident is of an issue and an environment; what is said of the issue alone
// joins one that is open, and is said of all of them when it is over. So each incident of an issue holds an open key of
// the issue itself beside that of its environment.

// maxOfIssue is how many open incidents of one issue are found by the issue: as many as it has environments.
const maxOfIssue = 8

func alertKey(source, dedup string) string { return "alert:" + source + ":" + dedup }

// issueKey is the n-th open key of an issue. The first one is also what the issue itself opens.
func issueKey(source, issue string, n int) string {
	if n == 1 {
		return alertKey(source, issue)
	}
	return alertKey(source, fmt.Sprintf("%s#%d", issue, n))
}

// ofIssue returns the open incidents of an issue, and the first of its keys that nobody holds, "" for none.
func (d Deps) ofIssue(ctx context.Context, source, issue string) (all []incident.Incident, free string, err error) {
	for n := 1; n <= maxOfIssue; n++ {
		key := issueKey(source, issue, n)
		inc, err := d.byKey(ctx, key)
		same := func(other incident.Incident) bool { return other.ID == inc.ID }
		switch {
		case errors.Is(err, incident.ErrNotFound):
			free = orElse(free, key)
		case err != nil:
			return nil, "", err
		case !slices.ContainsFunc(all, same): // a storm may be of several environments
			all = append(all, inc)
		}
	}
	return all, free, nil
}

// findOfIssue finds the incident of a signal about an issue, and sets which keys that incident shall have beside. An
// event joins what the issue opened if that has no environment yet; the issue joins whatever is open.
func (d Deps) findOfIssue(source string, s signal) func(context.Context, *opening) (incident.Incident, error) {
	return func(ctx context.Context, o *opening) (incident.Incident, error) {
		o.more = nil
		inc, err := d.byKey(ctx, o.key)
		if !errors.Is(err, incident.ErrNotFound) {
			return inc, err
		}
		all, free, err := d.ofIssue(ctx, source, s.issue)
		if err != nil {
			return incident.Incident{}, err
		}
		for _, inc := range all {
			if s.dedup == s.issue || !hasEnvironment(inc, source, s.issue) {
				o.more = []incident.Key{incident.NewKey(o.key, true)}
				return inc, nil
			}
		}
		if free != "" && free != o.key {
			o.more = []incident.Key{incident.NewKey(free, true)}
		}
		return incident.Incident{}, incident.ErrNotFound
	}
}

// hasEnvironment reports whether an event of the issue, with an environment, belongs to the incident.
func hasEnvironment(inc incident.Incident, source, issue string) bool {
	return slices.ContainsFunc(inc.Keys, func(k incident.Key) bool {
		return k.Open && strings.HasPrefix(k.Text, alertKey(source, issue)+":")
	})
}
