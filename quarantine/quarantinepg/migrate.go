package quarantinepg

import (
	"github.com/theriac/theriac/internal/migrate"
	"github.com/theriac/theriac/internal/pgkit"
)

// Migrator returns what migrates the database at the URL. It does not connect
// yet. The caller closes it.
func Migrator(url string) (*migrate.Migrator, error) {
	return pgkit.Migrator(Config{URL: url}.kit())
}
