package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const endpointName = "broker.json"

// ErrNotRunning is returned by [Find] when no broker runs in the directory.
var ErrNotRunning = errors.New("no broker runs in this data directory: start it first")

// Endpoint is how another process of the same user reaches the broker.
type Endpoint struct {
	// URL is the address. It holds no secret.
	URL string `json:"url"`
	// PID is the broker's process.
	PID int `json:"pid"`
	// TokenFile is the path of the file with the token that clients present.
	TokenFile string `json:"token_file"`
}

// Find returns the endpoint of the broker that runs in dir. The error is
// [ErrNotRunning] when none does; the file of a dead broker is ignored.
func Find(dir string) (Endpoint, error) {
	free, err := lockFree(dir)
	if err != nil {
		return Endpoint{}, err
	}
	if free {
		return Endpoint{}, fmt.Errorf("%s: %w", dir, ErrNotRunning)
	}
	data, err := os.ReadFile(filepath.Join(dir, endpointName))
	if errors.Is(err, os.ErrNotExist) {
		return Endpoint{}, fmt.Errorf("%s: the broker is still starting or already stopping: %w", dir, ErrNotRunning)
	}
	if err != nil {
		return Endpoint{}, fmt.Errorf("read the broker's endpoint: %w", err)
	}
	var e Endpoint
	if err := json.Unmarshal(data, &e); err != nil {
		return Endpoint{}, fmt.Errorf("read the broker's endpoint from %s: %w: restart the broker", filepath.Join(dir, endpointName), err)
	}
	return e, nil
}

func (e Endpoint) write(dir string) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode the broker's endpoint: %w", err)
	}
	return writeFile(filepath.Join(dir, endpointName), append(data, '\n'))
}

func removeEndpoint(dir string) error {
	err := os.Remove(filepath.Join(dir, endpointName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// writeFile replaces path in one step, readable by the owner only.
func writeFile(path string, data []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(tmp.Name()))
		}
	}()
	if _, err := tmp.Write(data); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
