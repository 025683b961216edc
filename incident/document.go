package incident

import (
	"encoding/json"
	"fmt"
)

// EncodeDocument returns the document as stores keep it, or ErrTooLarge.
func EncodeDocument(inc *Incident) ([]byte, error) {
	doc, err := json.Marshal(inc)
	if err != nil {
		return nil, fmt.Errorf("write the document of %s: %w", inc.Ref(), err)
	}
	if len(doc) > MaxDocument {
		return nil, fmt.Errorf("%s: %w", inc.Ref(), ErrTooLarge)
	}
	return doc, nil
}
