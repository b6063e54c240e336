package reports

import (
	"cmp"
	"encoding/xml"
	"io"
	"slices"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
)

// The subset of JUnit's XML that all readers accept: suites of cases, with at most one of failure, error and skipped per case.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Suites []*junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Cases []junitCase `xml:"testcase"`
	}
	junitCounts struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitMessage `xml:"failure"`
		Error   *junitMessage `xml:"error"`
		Skipped *junitMessage `xml:"skipped"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
	}
)

// writeCheckJUnit writes one suite per scenario, with one case per gated metric and threshold
// of each strategy. Metrics that are not gated have no case.
//
// A fail is a failure; a failed audit is an error in a case named audit. An inconclusive
// verdict is skipped with the reason as its message, because tools take an error for a broken
// build. A fail that is only advice is skipped as well. Excluded rows are skipped, and an
// interruption is a skipped case of a suite named check.
func writeCheckJUnit(w io.Writer, c *judge.Check, _ Options) error {
	all := &junitSuites{Name: "sessbench check"}
	for _, v := range c.Violations {
		all.add(v.Scenario, v.Strategy, "audit", junitCase{Error: &junitMessage{v.Reason + " in " + v.Document, string(judge.Violated)}})
	}
	for _, g := range c.Gates() {
		all.add(g.Scenario, g.Strategy, metric.Named(g.Metric).Word(), metricCase(g.MetricCheck, c.Advisory))
	}
	for i := range c.Thresholds {
		t := &c.Thresholds[i]
		all.add(t.Scenario, t.Strategy, t.Threshold, thresholdCase(t))
	}
	for _, l := range c.Excluded {
		all.add(l.Scenario, l.Strategy, "excluded from "+l.Document, junitCase{Skipped: &junitMessage{Message: l.Reason}})
	}
	if c.Interrupted {
		all.add("check", "check", "interrupted", junitCase{Skipped: &junitMessage{Message: c.Interruption()}})
	}
	out, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(out)+"\n")
	return err
}

// add adds a case to a scenario's suite.
func (all *junitSuites) add(scenario, strategy, name string, k junitCase) {
	k.Class, k.Name = sheet.Clean("sessbench."+scenario+"."+strategy), sheet.Clean(name)
	at := slices.IndexFunc(all.Suites, func(s *junitSuite) bool { return s.Name == sheet.Clean(scenario) })
	if at < 0 {
		at = len(all.Suites)
		all.Suites = append(all.Suites, &junitSuite{Name: sheet.Clean(scenario)})
	}
	s := all.Suites[at]
	s.Cases = append(s.Cases, k)
	s.count(k)
	all.count(k)
}

func (n *junitCounts) count(k junitCase) {
	n.Tests++
	switch {
	case k.Failure != nil:
		n.Failures++
	case k.Error != nil:
		n.Errors++
	case k.Skipped != nil:
		n.Skipped++
	}
}

// metricCase returns the metric's case without its name.
func metricCase(f *judge.MetricCheck, advice bool) junitCase {
	switch {
	case f.Verdict == judge.Failing && advice:
		return junitCase{Skipped: &junitMessage{Message: "advice: " + metric.Named(f.Metric).Word() + " " + f.Worsening()}}
	case f.Verdict == judge.Failing:
		return junitCase{Failure: &junitMessage{metric.Named(f.Metric).Word() + " " + f.Worsening(), "regression"}}
	case f.Verdict == judge.Inconclusive:
		return junitCase{Skipped: &junitMessage{Message: "inconclusive: " + cmp.Or(f.Reason, "not decided")}}
	}
	return junitCase{}
}

// thresholdCase returns the threshold's case without its name.
func thresholdCase(t *judge.ThresholdCheck) junitCase {
	switch t.Verdict {
	case judge.Failing:
		return junitCase{Failure: &junitMessage{t.Describe(), "threshold"}}
	case judge.Inconclusive:
		return junitCase{Skipped: &junitMessage{Message: "inconclusive: " + t.Describe()}}
	}
	return junitCase{}
}
