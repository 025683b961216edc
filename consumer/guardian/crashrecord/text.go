package crashrecord

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Text is a string that came from outside: any bytes. JSON knows UTF-8 only, so
// what is not UTF-8 is written as {"base64": "…"} and read back exactly.
type Text string

// opaque is a Text that JSON cannot hold.
type opaque struct {
	Bytes []byte `json:"base64"`
}

// MarshalJSON returns a string, or the object where it cannot.
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(opaque{Bytes: []byte(t)})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (t *Text) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		var o opaque
		if err := json.Unmarshal(data, &o); err != nil {
			return fmt.Errorf("text in base64: %w", err)
		}
		*t = Text(o.Bytes)
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("text: %w", err)
	}
	*t = Text(s)
	return nil
}
