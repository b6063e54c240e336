package result

import (
	"encoding/json"
	"io"
)

// EncodeJSON writes v, indented and with a newline at the end. Unlike json.Marshal it does not
// escape HTML.
func EncodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
