package scenarios

import (
	"slices"
	"testing"
)

// TestPrefill: the setting is the number of messages in each session, and fits scenarios that begin with conversations.
func TestPrefill(t *testing.T) {
	rows := Settings()
	row := rows[slices.IndexFunc(rows, func(s Setting) bool { return s.Name == "prefill" })]
	for _, n := range []string{"0", "1", "40"} {
		s, err := Lookup("chatbot")
		if err != nil {
			t.Fatal(err)
		}
		changed := *s
		if err := row.Apply(&changed, n); err != nil || changed.Prefill != map[string]int{"0": 0, "1": 1, "40": 40}[n] {
			t.Errorf("%s: %v, %d messages", n, err, changed.Prefill)
		}
	}
	for _, n := range []string{"", "-1", "1.5", "1000001"} {
		if _, err := row.Read(n); err == nil {
			t.Errorf("%q is accepted", n)
		}
	}
	for name, fits := range map[string]bool{"chatbot": true, "auth": true, "churn": false, "create-storm": false, "planner": false} {
		s, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if row.Fits(s) != fits {
			t.Errorf("%s: fits %v", name, !fits)
		}
	}
}
