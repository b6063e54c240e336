package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Read reads one document from r, to its end. What is not a document this package understands is refused with the
// reason: nothing in it, cut short, not JSON, no sessbench result, or written by a later sessbench. Fields it does not
// know are skipped: they may be added within a schema version.
func Read(r io.Reader) (*Document, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("result document: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("result document: empty")
	}
	// The version comes first: under a later one the other fields may have changed their types.
	var head struct {
		SchemaVersion *int `json:"schema_version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, explain(err, len(data))
	}
	switch v := head.SchemaVersion; {
	case v == nil:
		return nil, errors.New("result document: no schema_version: not a result of sessbench")
	case *v < 1:
		return nil, fmt.Errorf("result document: schema_version %d: want 1 to %d", *v, SchemaVersion)
	case *v > SchemaVersion:
		return nil, fmt.Errorf("result document: schema_version %d is later than %d, the last one this sessbench reads: use a newer one",
			*v, SchemaVersion)
	}
	d := new(Document)
	if err := json.Unmarshal(data, d); err != nil {
		return nil, explain(err, len(data))
	}
	d.complete()
	return d, nil
}

// explain says what a decoding error means for whoever has the file. size is the document's, in bytes.
func explain(err error, size int) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(size):
		return fmt.Errorf("result document: cut short after %d bytes: %w", size, err)
	case errors.As(err, &syntax):
		return fmt.Errorf("result document: not JSON at byte %d: %w", syntax.Offset, err)
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("result document: a JSON %s: want an object", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("result document: %s is a %s: want %s", kind.Field, kind.Value, kind.Type)
	}
	return fmt.Errorf("result document: %w", err)
}
