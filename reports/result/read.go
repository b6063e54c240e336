package result

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"

	"github.com/sessbench/sessbench/internal/printable"
)

// MaxBytes is the size of the largest document that [Read] accepts. A trial takes 1 to 6 KiB.
const MaxBytes = 512 << 20

// Read reads one document from r to its end. It returns an error that explains why the input is
// not a valid document: larger than [MaxBytes], empty, truncated, not JSON, not a sessbench
// result, or written by a later version. Unknown fields are skipped, because they may be added
// within a schema version. If r is a regular file, its size is checked first.
func Read(r io.Reader) (*Document, error) { return read(r, MaxBytes) }

func read(r io.Reader, limit int64) (*Document, error) {
	tooLarge := func(size string) error {
		return fmt.Errorf("result document: too large: %s: want %s at most", size, FormatBytes(float64(limit)))
	}
	if f, ok := r.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > limit {
			return nil, tooLarge(FormatBytes(float64(info.Size())))
		}
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("result document: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, tooLarge("more than " + FormatBytes(float64(limit)))
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
	err = json.Unmarshal(data, d)
	if err == nil && *head.SchemaVersion == 1 {
		err = d.upgrade(data)
	}
	if err != nil {
		return nil, explain(err, len(data))
	}
	d.tidy()
	d.complete()
	return d, nil
}

// tidy makes the document's text printable and limits the length of names. Every output is made
// of it, and a document may come from an untrusted source.
func (d *Document) tidy() {
	printable.Fields(d)
	name := func(s *string) { *s = printable.Name(*s) }
	for i := range d.Results {
		r := &d.Results[i]
		name(&r.Strategy)
		name(&r.Scenario)
		name(&r.Target)
	}
	for i := range d.Participants {
		name(&d.Participants[i].Name)
		name(&d.Participants[i].Host)
	}
}

// explain explains a decoding error to the owner of the file. size is the document's, in bytes.
func explain(err error, size int) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(size):
		return fmt.Errorf("result document: cut short after %d bytes: %w", size, err)
	case errors.As(err, &syntax):
		return fmt.Errorf("result document: not JSON at byte %d: %w", syntax.Offset, err)
	case errors.As(err, &kind):
		return fmt.Errorf("result document: %w", WrongKind(kind))
	}
	return fmt.Errorf("result document: %w", err)
}

// WrongKind describes a value of the wrong type in the terms of JSON, not of Go.
func WrongKind(err *json.UnmarshalTypeError) error {
	if err.Field == "" {
		return fmt.Errorf("a JSON %s: want %s", err.Value, kindWanted(err.Type))
	}
	article := "a"
	if err.Value == "array" || err.Value == "object" {
		article = "an"
	}
	return fmt.Errorf("%s is %s %s: want %s", err.Field, article, err.Value, kindWanted(err.Type))
}

// kindWanted returns JSON's name of the values that fit a Go type.
func kindWanted(t reflect.Type) string {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a string"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Pointer:
		return kindWanted(t.Elem())
	}
	return "an object"
}
