package incident

import (
	"fmt"
	"slices"
)

// CompleteTask ends a task of the time after. One that ended already stays as it is.
func (inc *Incident) CompleteTask(act Act, id string) ([]Event, error) {
	return inc.endTask(act, id, "complete a task", TaskDone, "", EvTaskDone)
}

// SkipTask ends a task undone, with a reason.
func (inc *Incident) SkipTask(act Act, id, reason string) ([]Event, error) {
	reason, err := needText("reason", reason, maxReason)
	if err != nil {
		return nil, err
	}
	return inc.endTask(act, id, "skip a task", TaskSkipped, reason, EvTaskSkipped)
}

func (inc *Incident) endTask(act Act, id, verb string, to TaskState, reason string, t EventType) ([]Event, error) {
	if inc.Status.Stage() != StagePost {
		return nil, inc.wrongStatus(verb, "")
	}
	i := slices.IndexFunc(inc.Tasks, func(t Task) bool { return t.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("%w: %s has no task %.60q", ErrNotFound, inc.Ref(), id)
	}
	task := &inc.Tasks[i]
	if task.State != TaskOpen {
		return nil, nil
	}
	task.State, task.Reason, task.Ended = to, reason, act.At
	return inc.note(act, t, DataTask{ID: task.ID, Stage: task.Stage, Text: task.Text, Reason: reason})
}
