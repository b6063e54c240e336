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
	"slices"
	"strings"
	"unicode"

	"github.com/sessbench/sessbench/internal/printable"
)

// MaxBytes is the size of the largest document that [Read] accepts. A trial takes 1 to 6 KiB, and
// a quarter for each interval of its series.
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
	d := new(Document)
	version, err := Schema{Latest: SchemaVersion, Origin: "a result of sessbench"}.Decode(data, d)
	if err == nil && version < SchemaVersion {
		err = explain(d.upgrade(data), len(data))
	}
	if err != nil {
		return nil, fmt.Errorf("result document: %w", err)
	}
	d.tidy()
	if d.Sweep != nil {
		if err := d.Sweep.check(d.Results); err != nil {
			return nil, fmt.Errorf("result document: %w", err)
		}
	}
	d.complete()
	return d, nil
}

// upgrade brings a document of an earlier schema version into the present form. data is the same document.
func (d *Document) upgrade(data []byte) error {
	err := d.fromVersion3(data)
	if err == nil && d.SchemaVersion < 3 {
		err = d.fromVersion2(data)
	}
	if err == nil && d.SchemaVersion < 2 {
		err = d.fromVersion1(data)
	}
	d.SchemaVersion = SchemaVersion
	return err
}

// Schema is what a JSON document must begin with.
type Schema struct {
	Kind   string // empty: none
	Latest int    // schema version
	Origin string // for the error about a document without a schema version: it is not Origin
}

// Decode decodes a document into v. The error explains to the owner of the document what is wrong with it.
func (s Schema) Decode(data []byte, v any) (version int, err error) {
	var head struct { // decoded first: a later version may have changed the types of other fields
		SchemaVersion *int   `json:"schema_version"`
		Kind          string `json:"kind"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return 0, explain(err, len(data))
	}
	if head.SchemaVersion == nil {
		return 0, errors.New("no schema_version: not " + s.Origin)
	}
	switch version = *head.SchemaVersion; {
	case s.Kind != "" && head.Kind != s.Kind:
		return 0, fmt.Errorf("kind %q: want %s", head.Kind, s.Kind)
	case version < 1:
		return 0, fmt.Errorf("schema_version %d: want 1 to %d", version, s.Latest)
	case version > s.Latest:
		return 0, fmt.Errorf("schema_version %d is later than %d, the last one this sessbench reads: use a newer one", version, s.Latest)
	}
	return version, explain(json.Unmarshal(data, v), len(data))
}

// EncodeJSON writes v, indented and with a newline at the end. Unlike json.Marshal it does not
// escape HTML.
func EncodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
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
	if s := d.Sweep; s != nil {
		for i := range s.Points {
			name(&s.Points[i].Scenario)
		}
	}
	for i := range d.Participants {
		name(&d.Participants[i].Name)
		name(&d.Participants[i].Host)
	}
}

// complete computes the percentiles that documents of earlier versions lack although they have
// the samples.
func (d *Document) complete() {
	for i := range d.Results {
		for j := range d.Results[i].Trials {
			t := &d.Results[i].Trials[j]
			t.LatencyNs.complete(t.Histogram)
			for name, op := range t.Operations {
				op.LatencyNs.complete(op.Histogram)
				t.Operations[name] = op
			}
		}
	}
}

// complete computes the percentiles that l lacks from its histogram, if the document has it.
func (l *Latency) complete(histogram string) {
	if l.P95 != nil || l.P90 == nil || histogram == "" { // p95 is the only one that earlier versions did not have
		return
	}
	if h, err := DecodeHistogram(histogram); err == nil && h.TotalCount() == l.Count {
		l.P95 = LatencyOf(h).P95
	}
}

// explain explains a decoding error. size is the document's, in bytes.
func explain(err error, size int) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(size):
		return fmt.Errorf("cut short after %d bytes: %w", size, err)
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON at byte %d: %w", syntax.Offset, err)
	case errors.As(err, &kind):
		return WrongKind(kind)
	}
	return err
}

// WrongKind describes a value of the wrong type in the terms of JSON, not of Go.
func WrongKind(err *json.UnmarshalTypeError) error {
	path := slices.DeleteFunc(strings.Split(err.Field, "."), func(name string) bool { // an embedded struct has Go's name
		return unicode.IsUpper([]rune(name + " ")[0])
	})
	if err.Field == "" {
		return fmt.Errorf("a JSON %s: want %s", err.Value, kindWanted(err.Type))
	}
	article := "a"
	if err.Value == "array" || err.Value == "object" {
		article = "an"
	}
	return fmt.Errorf("%s is %s %s: want %s", strings.Join(path, "."), article, err.Value, kindWanted(err.Type))
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
