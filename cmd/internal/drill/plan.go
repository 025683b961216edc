package drill

import (
	"slices"
	"strings"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/internal/problem"
)

// Bounds of what can be asked for: all good messages fit into the slots of one replica beside the
// poison, and a drill ends.
const (
	maxInFlight = slots - 16
	maxReplicas = 8
	maxRuns     = 100
)

// rows are what is asked for, in the order of tables.
func (o *options) rows() ([]row, error) {
	ways, err := chosenWays(o.ways)
	if err != nil {
		return nil, err
	}
	engines, err := chosenEngines(o.engine)
	if err != nil {
		return nil, err
	}
	if err := between("--in-flight", o.inFlight, 1, maxInFlight); err != nil {
		return nil, err
	}
	if err := between("--replicas", o.copies, 1, maxReplicas); err != nil {
		return nil, err
	}
	if err := between("--runs", []int{o.runs}, 1, maxRuns); err != nil {
		return nil, err
	}
	var rows []row
	for _, e := range engines {
		for _, w := range ways {
			for _, n := range o.inFlight {
				for _, copies := range o.copies {
					for run := range o.runs {
						rows = append(rows, row{way: w, inFlight: n, replicas: copies, engine: e, run: run + 1})
					}
				}
			}
		}
	}
	return rows, nil
}

func chosenWays(names []string) ([]replica.Way, error) {
	if len(names) == 0 {
		return replica.Ways(), nil
	}
	var ways []replica.Way
	for _, name := range names {
		w, ok := replica.Find(strings.TrimSpace(name))
		if !ok {
			var known []string
			for _, w := range replica.Ways() {
				known = append(known, w.Name)
			}
			return nil, problem.Errorf(problem.Invalid, "no way of dying is called %q; known: %s", name, strings.Join(known, ", "))
		}
		if !slices.ContainsFunc(ways, func(have replica.Way) bool { return have.Name == w.Name }) {
			ways = append(ways, w)
		}
	}
	return ways, nil
}

func chosenEngines(name string) ([]string, error) {
	switch name {
	case engineEmbedded, enginePubSub:
		return []string{name}, nil
	case "all":
		return []string{engineEmbedded, enginePubSub}, nil
	default:
		return nil, problem.Errorf(problem.Invalid, "unknown engine %q; --engine takes %s, %s, all", name, engineEmbedded, enginePubSub)
	}
}

func between(flag string, values []int, least, most int) error {
	if len(values) == 0 {
		return problem.Errorf(problem.Invalid, "%s is empty: want numbers from %d to %d", flag, least, most)
	}
	for _, v := range values {
		if v < least || v > most {
			return problem.Errorf(problem.Invalid, "%s %d: want %d to %d", flag, v, least, most)
		}
	}
	return nil
}
