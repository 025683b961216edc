package incident

import (
	"encoding/json"
	"fmt"
	"time"
)

// Duration is a time.Duration that is written as people write it: "5m", "1h30m".
type Duration time.Duration

// Std returns it as the standard library's.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// MarshalJSON writes "5m0s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads what time.ParseDuration reads, within quotes.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a duration is a text such as \"5m\", not %.40q", data)
	}
	std, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%.40q is no duration: write it as \"5m\" or \"1h30m\"", text)
	}
	*d = Duration(std)
	return nil
}
