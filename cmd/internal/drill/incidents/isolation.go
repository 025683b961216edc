package incidents

import (
	"context"
	"errors"

	"github.com/theriac/theriac/cmd/internal/cli"
)

type isolationResult struct{ facts }

func (o *options) isolation(context.Context, databases) (*isolationResult, error) {
	return nil, errors.New("todo")
}

func (r *isolationResult) show(*cli.Tool) {}
