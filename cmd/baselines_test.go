package cmd

import (
	"os"
	"testing"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

func TestSaveBaseline(t *testing.T) {
	t.Chdir(t.TempDir())
	o := newRunOptions(nil)
	o.SaveBaseline = "main"
	o.sources = sources{"save-baseline": {rankFlag, "--save-baseline"}}
	if err := o.checkSaveBaseline(); err != nil {
		t.Fatal(err)
	}
	document := func(a result.Audit) *result.Document {
		return &result.Document{SchemaVersion: 1, Results: []result.Result{{Strategy: "cow", Trials: []result.Trial{{Audit: a}}}}}
	}
	interrupted := document(result.Audit{OK: true})
	interrupted.Interrupted = true
	failed := document(result.Audit{OK: true})
	failed.Interrupted, failed.Failure = true, "broken pipe"
	for _, tt := range []struct {
		why, want string
		d         *result.Document
	}{
		{"interrupted", "not saved as baseline main: the run was interrupted", interrupted},
		{"failed", "not saved as baseline main: the run failed", failed},
		{"violated", "not saved as baseline main: an audit failed", document(result.Audit{})},
	} {
		if err := o.saveBaseline(tt.d); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.why, err, tt.want)
		}
		if names := judge.BaselineNames(); names != nil {
			t.Errorf("%s: kept as %v", tt.why, names)
		}
	}
	if err := o.saveBaseline(document(result.Audit{OK: true})); err != nil {
		t.Fatal(err)
	}
	path, err := judge.BaselinePath("main")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if d, err := result.Read(f); err != nil || d.Results[0].Strategy != "cow" {
		t.Errorf("%+v, %v", d, err)
	}
}
