package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const tokenName = "broker.token"

// ensureToken returns the directory's token and makes it on the first start.
// It stays the same from then on, so that clients survive a restart. One that
// others could have read is worthless and is replaced.
func ensureToken(dir string) (string, error) {
	path := filepath.Join(dir, tokenName)
	info, err := os.Lstat(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("look at the broker's token: %w", err)
	}
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 == 0 {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("read the broker's token: %w", err)
		}
		if len(data) == len(rand.Text()) {
			return string(data), nil
		}
	}
	token := rand.Text()
	return token, writeFile(path, []byte(token))
}
