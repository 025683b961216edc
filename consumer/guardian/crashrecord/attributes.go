package crashrecord

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// ErrAttributes says that packed attributes cannot be unpacked.
var ErrAttributes = errors.New("packed attributes are damaged")

// PackAttributes returns attributes as the bytes that a [Message] holds, the same for the same
// attributes: each key and value, in the order of keys, as its length (a varint) and its bytes.
// None is nil.
func PackAttributes(attributes map[string]string) []byte {
	var packed []byte
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		for _, s := range [...]string{key, attributes[key]} {
			packed = append(binary.AppendUvarint(packed, uint64(len(s))), s...)
		}
	}
	return packed
}

// UnpackAttributes is the inverse of PackAttributes.
func UnpackAttributes(packed []byte) (map[string]string, error) {
	if len(packed) == 0 {
		return nil, nil
	}
	attributes := make(map[string]string)
	for len(packed) > 0 {
		var pair [2]string
		for i := range pair {
			n, size := binary.Uvarint(packed)
			if size <= 0 || n > uint64(len(packed)-size) {
				return nil, ErrAttributes
			}
			pair[i], packed = string(packed[size:size+int(n)]), packed[size+int(n):]
		}
		attributes[pair[0]] = pair[1]
	}
	return attributes, nil
}
