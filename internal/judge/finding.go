package judge

import (
	"fmt"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// Finding is one sentence about a finished run that decides about its exit code.
type Finding struct {
	Verdict Verdict // Violated, Failing or Inconclusive
	Text    string
}

// Findings returns what the trials of a run show: violations, what cannot be decided, and rows above the limit, which no correct
// store can reach, so that the measuring must be wrong.
func Findings(d *result.Document) (list []Finding) {
	var violated, undecided, above []string
	for i := range d.Results {
		r := &d.Results[i]
		row := fmt.Sprintf("%s (%s)", r.Strategy, r.Scenario)
		if r.Failed() {
			violated = append(violated, row+": "+strings.Join(ViolationKinds(r), ", "))
		}
		for _, t := range r.Trials {
			if why := whyUndecided(&t.Audit); why != "" {
				undecided = append(undecided, fmt.Sprintf("%s, block %d: %s", row, t.Block+1, why))
			}
		}
		if share := r.Summary.OfLimit; share > OverLimit {
			above = append(above, fmt.Sprintf("%s stands at %s of the limit, more than any correct store can reach", row, result.FormatShare(share)))
		}
	}
	list = addFinding(list, Violated, "consistency violated by ", violated)
	list = addFinding(list, Inconclusive, "inconclusive: ", undecided)
	return addFinding(list, Inconclusive, "error of the harness: ", above)
}

// Crossed returns the thresholds that were crossed or could not be decided.
func Crossed(d *result.Document, thresholds []Threshold) (list []Finding) {
	var over, open []string
	for _, t := range thresholds {
		checked, err := ApplyThresholds(d, []Threshold{t})
		if err != nil { // an operation that did not occur; the other thresholds are still judged
			open = append(open, err.Error())
		}
		for i := range checked {
			switch c := &checked[i]; c.Verdict {
			case Failing:
				over = append(over, c.Describe())
			case Inconclusive:
				open = append(open, c.Describe())
			}
		}
	}
	return addFinding(addFinding(nil, Failing, "threshold crossed: ", over), Inconclusive, "inconclusive: ", open)
}

// addFinding adds one finding with all texts, none if there are no texts.
func addFinding(list []Finding, v Verdict, intro string, texts []string) []Finding {
	if len(texts) == 0 {
		return list
	}
	return append(list, Finding{v, intro + strings.Join(texts, "; ")})
}

// whyUndecided returns why an audit is undecided, or "".
func whyUndecided(a *result.Audit) string {
	switch rec := a.Recorded; {
	case a.Undecided != "" || rec == nil:
		return a.Undecided
	case rec.Unchecked != "":
		return "recorded histories were not checked: " + rec.Unchecked
	case rec.Undecided > 0:
		return fmt.Sprintf("%d of %d recorded histories cannot be decided", rec.Undecided, rec.Sessions)
	}
	return ""
}
