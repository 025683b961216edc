package workflow

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// withFields adds what a source says beside its text, a line for each, those first that sort first.
func withFields(text string, fields map[string]any) string {
	const most = 20
	parts := []string{text}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if len(parts) > most {
			parts = append(parts, fmt.Sprintf("(%d fields more)", len(fields)-most))
			break
		}
		parts = append(parts, line(name, 60)+": "+line(fmt.Sprint(fields[name]), 200))
	}
	return strings.TrimSpace(strings.Join(parts, "\n"))
}
