package reports

import (
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// A participant that leaves the audit to the first one says so in its own document.
func TestPartIsMarked(t *testing.T) {
	part, whole := document(build("global", 1000, 1)), document(build("global", 1000, 1))
	part.Part = &result.Part{RunID: "X", Index: 1, Count: 2, Host: "hostb"}
	part.Results[0].Trials[0].Audit = result.Audit{OK: true, Skipped: true, Partial: "audited by participant 1"}
	part.Results[0].Users, whole.Results[0].Users = 11, 11
	for _, test := range []struct {
		doc         *result.Document
		has, hasNot []string
	}{
		{part, []string{"chatbot, participant 2 of 2: 6 of 11 users, ", "was not audited here: audited by participant 1.",
			"only the operations of the users of participant 2 of 2 (hostb) in run X"}, []string{"stores nothing", "only partly"}},
		{whole, []string{"chatbot: 11 users, "}, []string{"chatbot, ", "audited by", "only the operations"}},
	} {
		judge.Summarize(test.doc)
		var b strings.Builder
		format, known := Lookup("table")
		if !known {
			t.Fatal("there is no table")
		}
		if err := format.Write(&b, test.doc, Options{Width: 200}); err != nil {
			t.Fatal(err)
		}
		for _, text := range test.has {
			if !strings.Contains(b.String(), text) {
				t.Errorf("%q is missing:\n%s", text, b.String())
			}
		}
		for _, text := range test.hasNot {
			if strings.Contains(b.String(), text) {
				t.Errorf("%q is there:\n%s", text, b.String())
			}
		}
	}
}
