package drill

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
)

// logged is a line of a replica's log, as far as the drill reads it.
type logged struct {
	Message string `json:"msg"`
	Role    string `json:"role"`
	Ward    int    `json:"ward"` // its number, in a ward of the role
}

// deathMessage is what a guardian logs, at the level of errors, when a child died of something other
// than its orderly end.
const deathMessage = "role died"

// readLog returns the lines of a replica's log that make sense.
func readLog(dir string) (lines []logged, err error) {
	file, err := os.Open(filepath.Join(dir, replica.LogName))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var line logged
		if json.Unmarshal(scanner.Bytes(), &line) == nil {
			lines = append(lines, line)
		}
	}
	return lines, scanner.Err()
}

// countDeaths counts the deaths in the logs of replicas by role.
func countDeaths(dirs []string) (map[string]int, error) {
	deaths := map[string]int{}
	for _, dir := range dirs {
		lines, err := readLog(dir)
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			switch {
			case line.Message != deathMessage:
			case line.Ward > 0:
				deaths[replica.RoleWard]++
			default:
				deaths[line.Role]++
			}
		}
	}
	return deaths, nil
}
