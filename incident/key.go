package incident

import (
	"errors"
	"slices"
)

// NewKey returns keys that make things happen once. A text that is long or strange is cut, cleaned and
// ended by a digest of the whole, so that different texts stay different keys. An open key is held
// while its incident is open, any other for ever.
func NewKey(text string, open bool) Key { return Key{Text: boundedID(text), Open: open} }

// letGo drops open keys that another incident holds.
func (inc *Incident) letGo(keys []string) {
	inc.Keys = slices.DeleteFunc(slices.Clone(inc.Keys), func(k Key) bool { return k.Open && slices.Contains(keys, k.Text) })
}

// tookBack reports that err is about an open key of the incident's own which another one holds.
func (inc *Incident) tookBack(err error) (key string, ok bool) {
	var exists *ExistsError
	if !errors.As(err, &exists) {
		return "", false
	}
	return exists.Key, slices.ContainsFunc(inc.Keys, func(k Key) bool { return k.Open && k.Text == exists.Key })
}

// cleanKeys returns each key once, in the form of NewKey.
func cleanKeys(keys []Key) []Key {
	var clean []Key
	for _, k := range keys {
		if k.Text == "" {
			continue
		}
		clean = addKey(clean, NewKey(k.Text, k.Open))
	}
	return clean
}

func addKey(keys []Key, k Key) []Key {
	if slices.ContainsFunc(keys, func(other Key) bool { return other.Text == k.Text }) {
		return keys
	}
	return append(keys, k)
}

func hasKey(keys []Key, open bool) bool {
	return slices.ContainsFunc(keys, func(k Key) bool { return k.Open == open })
}
