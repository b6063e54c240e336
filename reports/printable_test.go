package reports

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/printable"
	"github.com/sessbench/sessbench/reports/result"
)

// hostile is a document whose every name holds terminal escapes and bidirectional characters and is too long, read from
// JSON as any document is.
func hostile(t *testing.T) *result.Document {
	t.Helper()
	bad := "\x1b[2J\u202eevil\u2066\x07\n" + strings.Repeat("x", 1000)
	d := document(build("global", 940, 6), build(bad, 1200, 6), build("broken"+bad, 1200, 6))
	for i := range d.Results {
		r := &d.Results[i]
		r.Scenario, r.Target, r.Note, r.Params = "chatbot"+bad, bad, "\u202eremark", map[string]string{"\u202ek": "\x1b[31m"}
		r.Trials[0].Series = &result.Series{IntervalNs: 1e8, Points: make([]result.Point, 4)}
		r.Trials[0].Histogram = histogram(t, func(record func(ns int64)) { record(1) })
		r.Trials[0].Errors = map[string]int64{"\x1b[31mkind": 7}
	}
	d.Results[2].Trials[1].Audit = result.Audit{Violations: []result.Violation{{Kind: "\u202ekind", Session: "\x1b[1m", Detail: "\u2067detail"}}}
	d.Machine.CPU, d.Tool.Version, d.Config.Command = "\u202eCPU", "\x1b[1mv1", "sessbench run \u202e"
	d.Traffic = &result.Traffic{File: "\u202elog", Format: "\x1b[1m"}
	judge.Summarize(d)
	var text bytes.Buffer
	if err := result.EncodeJSON(&text, d); err != nil {
		t.Fatal(err)
	}
	got, err := result.Read(&text)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestDocumentNamesAreEscaped(t *testing.T) {
	written := map[string]string{}
	write := func(name string, f func(io.Writer) error) {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		written[name] = b.String()
	}
	d := hostile(t)
	for _, f := range All() {
		write(f.Name, func(w io.Writer) error { return f.Write(w, d, Options{}) })
	}
	sound := hostile(t)
	sound.ID = "another"
	sound.Results, d.Results = sound.Results[:2], d.Results[:2]
	c, err := judge.Compare(called("old new", d, sound))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range ComparisonFormats() {
		write("compare "+f.Name, func(w io.Writer) error { return f.Write(w, c, Options{}) })
	}
	checked, err := judge.CheckStored(judge.Stored{Old: called("old", d)[0], New: called("new", sound)[0],
		Gating: judge.Gating{MinEffect: 0.1, Command: d.Config.Command}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range CheckFormats() {
		write("check "+f.Name, func(w io.Writer) error { return f.Write(w, checked, Options{}) })
	}
	for name, text := range written {
		if !strings.Contains(text, "evil") {
			t.Errorf("%s does not name the strategy:\n%s", name, text)
		}
		for _, r := range text {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
				t.Errorf("%s holds %U", name, r)
				break
			}
		}
		if i := strings.Index(text, strings.Repeat("x", printable.MaxName)); i >= 0 {
			t.Errorf("%s holds a name that is too long: %.200s", name, text[i:])
		}
	}
	if n := utf8.RuneCountInString(d.Results[1].Strategy); n != printable.MaxName {
		t.Errorf("a name of %d characters, want %d", n, printable.MaxName)
	}
}

func TestHistoryNamesAreEscaped(t *testing.T) {
	line := `{"schema_version":1,"kind":"history","id":"1","created":"2026-03-01T12:00:00Z","label":"\u001b[1m\u202elabel",` +
		`"results":[{"scenario":"chatbot","strategy":"\u202eglobal\n","params":{"\u001bk":"v"},"metrics":{"ops_per_sec":1}}]}`
	h, err := judge.ParseHistory([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	e := h.Entries[0]
	if e.Label != "[1mlabel" || e.Results[0].Strategy != "global" || e.Results[0].Params["k"] != "v" {
		t.Errorf("%+v", e)
	}
}
