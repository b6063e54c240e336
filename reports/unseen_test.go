package reports

import (
	"strings"
	"testing"

	"github.com/sessbench/sessbench/reports/result"
)

// doing is a document of one scenario each with these operations.
func doing(record string, scenarios ...string) *result.Document {
	var all []result.Result
	for i, ops := range scenarios {
		r := build("global", 940, 6)
		r.Scenario = string(rune('a' + i))
		for j := range r.Trials {
			r.Trials[j].Operations = map[string]result.Operation{}
			for op := range strings.FieldsSeq(ops) {
				r.Trials[j].Operations[op] = result.Operation{Count: 1}
			}
		}
		all = append(all, r)
	}
	d := withoutBaseline(all...)
	d.Config.Settings["record"] = record
	return d
}

func TestUnseenLine(t *testing.T) {
	probe := doing("", "append history")
	for i := range probe.Results[0].Trials {
		probe.Results[0].Trials[i].Audit = result.Audit{Skipped: true}
	}
	const (
		removals = "errors in removing sessions, since none was removed"
		reads    = "wrong results of reads, which are checked only with --record"
		verify   = ". sessbench verify checks these."
	)
	for _, tt := range []struct {
		why  string
		d    *result.Document
		want string
	}{
		{"a chatbot", doing("", "append history"), "not covered by the audit: " + removals + "; " + reads + verify},
		{"whose reads are recorded", doing("all", "append history"), "not covered by the audit: " + removals + verify},
		{"sessions come and go, nothing is read", doing("", "create append delete"), ""},
		{"sessions come and go, and are read", doing("", "create append delete history"), "not covered by the audit: " + reads + verify},
		{"all of it, recorded", doing("1/2", "create append sweep history_during_sweep"), ""},
		{"reads during sweeps only", doing("", "append sweep read_during_sweep"), "not covered by the audit: " + reads + verify},
		{"one scenario of two removes, the other reads", doing("", "append delete", "append history"),
			"not covered by the audit: " + removals + " in b; wrong results of reads in b, which are checked only with --record" + verify},
		{"nothing was audited", probe, ""},
		{"nothing was done", doing(""), ""},
	} {
		if got := notAuditedLine(tt.d); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.why, got, tt.want)
		}
		for _, format := range []string{"table", "markdown"} {
			if text := written(t, format, tt.d, Options{Width: 1000}); strings.Contains(text, "not covered by the audit") != (tt.want != "") {
				t.Errorf("%s, %s:\n%s", tt.why, format, text)
			}
		}
	}
}
