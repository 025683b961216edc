package incidentpg

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/theriac/theriac/internal/pgkit"
)

// Kinds are the store's words for errors.
func Kinds() pgkit.Kinds { return kinds() }

// Classify says what an error of the driver means.
func Classify(err error) error { return kinds().Classify("test", err) }

// Session asks a connection of the store for a value.
func Session(ctx context.Context, s *Store, expression string) (value string, err error) {
	return value, s.pool.QueryRow(ctx, "SELECT "+expression).Scan(&value)
}

// Statements returns all statements by name, as the server is given them.
func Statements() (map[string]string, error) {
	files, err := fs.Glob(os.DirFS("sql"), "*.sql")
	all := map[string]string{"create": sqlCreate, "save": sqlSave, "append": sqlAppend}
	for _, name := range files {
		name = strings.TrimSuffix(name, ".sql")
		if slices.Contains([]string{"create", "save", "append", "events"}, name) {
			continue
		}
		b, err := os.ReadFile("sql/" + name + ".sql")
		if err != nil {
			return nil, err
		}
		all[name] = string(b)
	}
	return all, err
}
