package redis

import "encoding/json"

// Codec encodes and decodes sessions. It is called concurrently.
type Codec interface {
	// Encode returns the bytes of the session that v points to. The store does not change them.
	Encode(v any) ([]byte, error)

	// Decode fills the session that v points to, which is a zero value. It must neither change nor keep data.
	Decode(data []byte, v any) error
}

// JSON is the default [Codec]: encoding/json. The output of a type's MarshalJSON is stored without the check that json.Marshal
// makes.
type JSON struct{}

var _ Codec = JSON{}

// Encode implements [Codec].
func (JSON) Encode(v any) ([]byte, error) {
	if m, ok := v.(json.Marshaler); ok {
		return m.MarshalJSON()
	}
	return json.Marshal(v)
}

// Decode implements [Codec].
func (JSON) Decode(data []byte, v any) error {
	if u, ok := v.(json.Unmarshaler); ok {
		return u.UnmarshalJSON(data)
	}
	return json.Unmarshal(data, v)
}
