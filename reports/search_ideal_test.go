package reports

import (
	"strings"
	"testing"

	"github.com/sessbench/sessbench/reports/result"
)

// A search has a column for what a perfect store reaches, if that is known.
func TestIdealOfASearch(t *testing.T) {
	for _, ideal := range []float64{0, 98_560} {
		r := result.Result{Strategy: "sharded", Scenario: "chatbot", Search: &result.Search{Goal: "p99<5ms", Lower: 900, Ideal: ideal}}
		f, _ := Lookup("markdown")
		r.Load, r.Trials = "900/s poisson", []result.Trial{{Ops: 900, OpsPerSec: 900, ElapsedNs: 1e9, Audit: result.Audit{OK: true}}}
		r.Summary.OpsPerSec, r.Summary.AuditOK = result.Interval{Median: 900}, true
		var out strings.Builder
		if err := f.Write(&out, &result.Document{Results: []result.Result{r}}, Options{}); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if got := strings.Contains(text, "ideal") && strings.Contains(text, "98,560"); got != (ideal > 0) {
			t.Errorf("ideal %v:\n%s", ideal, text)
		}
	}
}
