package drill

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/internal/problem"
)

// drill tries rows, one after another: what they measure they measure alone.
type drill struct {
	engines    map[string]engine
	executable string
	environ    []string
	timeout    time.Duration // for each row
	keep       bool          // directories of rows that failed
}

// all tries rows until ctx ends, and tells of each.
func (d *drill) all(ctx context.Context, rows []row, tell func(result)) ([]result, error) {
	var results []result
	for _, r := range rows {
		got, err := d.try(ctx, r)
		if ctx.Err() != nil {
			return results, problem.Errorf(problem.Interrupted, "stopped after %d of %d rows", len(results), len(rows))
		}
		if err != nil {
			return results, err
		}
		results = append(results, got)
		tell(got)
	}
	return results, nil
}

// close ends the engines.
func (d *drill) close() error {
	var errs []error
	for _, e := range d.engines {
		errs = append(errs, e.close())
	}
	return errors.Join(errs...)
}
