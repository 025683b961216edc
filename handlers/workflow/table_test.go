package workflow_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// table prints the registrations as docs/workflow.md has them.
func table(all []workflow.Registration) string {
	var b strings.Builder
	for _, r := range all {
		class, pipeline, age := "non-critical", "", "none"
		if r.Critical {
			class = "critical"
		}
		if r.Pipeline {
			pipeline = "yes"
		}
		if r.MaxAge > 0 {
			age = short(r.MaxAge)
		}
		types := strings.Join(r.Types, ", ")
		if types == "" {
			types = "all"
		}
		fmt.Fprintf(&b, "| `%s` | %s: %s | %s | %s | %s | %s | %s | %s |\n", r.Name, r.Topic, types, class, pipeline, r.Shed, r.Purge, short(r.Timeout), age)
	}
	return b.String()
}

func short(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d d", d/(24*time.Hour))
	}
	text := d.String()
	return regexp.MustCompile(`(\D)0[ms]`).ReplaceAllString(regexp.MustCompile(`(\D)0s`).ReplaceAllString(text, "$1"), "$1")
}

func TestAll_IsTheTableOfTheDocumentation(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/workflow.md")
	if err != nil {
		t.Fatal(err)
	}
	if text := table(workflow.All(workflow.Deps{})); !strings.Contains(string(doc), text) {
		t.Errorf("docs/workflow.md must have this table:\n%s", text)
	}
}

func TestAll_RegistrationsAreWhole(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z]+\.[a-z]+$`)
	seen := map[string]bool{}
	for _, r := range workflow.All(workflow.Deps{}) {
		if !name.MatchString(r.Name) || seen[r.Name] {
			t.Errorf("%q is no name, or there twice", r.Name)
		}
		seen[r.Name] = true
		if r.Handler == nil || r.Timeout <= 0 || r.Topic == "" || r.Shed == "" || r.Purge == "" {
			t.Errorf("%s is not whole: %+v", r.Name, r)
		}
		if r.Critical && r.Shed != workflow.ShedNever {
			t.Errorf("%s is critical and can be shed", r.Name)
		}
		if r.Pipeline && !r.Critical {
			t.Errorf("%s is of the pipeline and not critical", r.Name)
		}
		for _, text := range r.Types {
			if _, known := incident.TraitOf(incident.EventType(text)); r.Topic == incident.TopicEvents && !known {
				t.Errorf("%s asks for %q, which is no type of event", r.Name, text)
			}
		}
		if sub := r.Subscription(); strings.Contains(sub, ".") || sub != r.Topic+"--"+strings.ReplaceAll(r.Name, ".", "-") {
			t.Errorf("%s has the subscription %q", r.Name, sub)
		}
	}
}

func TestAll_TakesTheHandlersOfTheChat(t *testing.T) {
	t.Parallel()
	mine := workflow.Registration{Name: "slack.command", Topic: incident.TopicSlack, Handler: handlers.HandlerFunc(nil)}
	all := workflow.All(workflow.Deps{Slack: []workflow.Registration{mine}})
	if all[1].Name != mine.Name || len(all) != len(workflow.All(workflow.Deps{}))+1 {
		t.Errorf("it is not there: %s", table(all))
	}
}
