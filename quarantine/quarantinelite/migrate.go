package quarantinelite

import (
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/internal/migrate"
)

// Migrator returns what migrates the file at path. The caller closes it, and
// keeps other processes away from the file while it goes down.
func Migrator(path string) (*migrate.Migrator, error) {
	return litekit.Migrator(Config{Path: path}.kit())
}
