package cmd

import (
	"errors"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/reports/result"
)

// TestVerdictOfFindings: of several findings the worst gives the exit code, and the error lists all.
func TestVerdictOfFindings(t *testing.T) {
	crossed, open := finding{exitThreshold, "crossed"}, finding{exitInconclusive, "open"}
	full := errors.New("disk full")
	document := func(audit result.Audit, interrupted bool) *result.Document {
		return &result.Document{Interrupted: interrupted, Results: []result.Result{{Strategy: "cow", Scenario: "churn", Trials: []result.Trial{{Audit: audit}}}}}
	}
	good, lost := result.Audit{OK: true}, result.Audit{Violations: []result.Violation{{Kind: "lost update"}}}
	unread := result.Audit{OK: true, Recorded: &result.Recorded{Unchecked: "no room"}}
	for _, tt := range []struct {
		why     string
		d       *result.Document
		written error
		more    []finding
		code    int
		text    string
	}{
		{"a threshold", document(good, false), nil, []finding{crossed}, exitThreshold, "crossed"},
		{"what cannot be judged", document(good, false), nil, []finding{open}, exitInconclusive, "open"},
		{"crossed goes before it", document(good, false), nil, []finding{open, crossed}, exitThreshold, "open; crossed"},
		{"and before histories that prove nothing", document(unread, false), nil, []finding{crossed}, exitThreshold, "crossed; inconclusive: cow (churn), block 1: recorded"},
		{"and before a full disk", document(good, false), full, []finding{crossed}, exitThreshold, "disk full; crossed"},
		{"so does what cannot be judged", document(good, false), full, []finding{open}, exitInconclusive, "disk full; open"},
		{"a violation goes before a threshold", document(lost, false), nil, []finding{crossed}, exitViolated, "lost update; crossed"},
		{"an interruption before all", document(lost, true), full, []finding{open, crossed}, exitInterrupted,
			"disk full; consistency violated by cow (churn): lost update; open; crossed; interrupted: only the finished trials are reported"},
	} {
		err := verdict(tt.d, tt.written, tt.more...)
		if codeOf(err) != tt.code || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: exit code %d, %v: want %d, %q", tt.why, codeOf(err), err, tt.code, tt.text)
		}
	}
}

// TestOperations: a threshold can use the names of operations in results.
func TestOperations(t *testing.T) {
	for _, tt := range []struct {
		why, scenario, args string
		want                string
	}{
		{"a visit's", "chatbot", "", "append history"},
		{"a mix's", "auth", "", "validate touch"},
		{"those of a mix that was given", "chatbot", "--mix validate=1", "validate"},
		{"a user that deletes a private session creates another one", "create-storm", "--mix delete=1", "create delete"},
		{"sweeps, and what they overlap", "expiry", "",
			"create append history create_during_sweep append_during_sweep history_during_sweep sweep"},
	} {
		_, list := settledScenarios(t, tt.args, tt.scenario)
		if got := strings.Join(list[0].ResultOps(), " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.why, got, tt.want)
		}
	}
}
