package reports

import (
	"encoding/xml"
	"io"
)

// JUnit's XML as the tools that read it agree on: suites of cases, each of which may hold one of failure, error and skipped.
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
		Class   string     `xml:"classname,attr"`
		Name    string     `xml:"name,attr"`
		Failure *junitSaid `xml:"failure"`
		Error   *junitSaid `xml:"error"`
		Skipped *junitSaid `xml:"skipped"`
	}
	junitSaid struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
	}
)

// writeCheckJUnit writes a suite a scenario, and in it a case a gated metric and a threshold of each strategy. Metrics that are
// not gated have none.
//
// A fail is a failure; a failed audit is an error, in a case called audit. What is inconclusive is skipped, with the reason as
// its message: tools take an error for a broken build, and not to know is not that. So is a fail that is only advice. What
// was left out is skipped, too, and an interruption is a skipped case of a suite called check.
func writeCheckJUnit(w io.Writer, c *Check, _ Options) error {
	all := &junitSuites{Name: "sessbench check"}
	for _, v := range c.Violations {
		all.add(v.Scenario, v.Strategy, "audit", &junitCase{Error: &junitSaid{v.Reason + " in " + v.Document, string(Violated)}})
	}
	for _, g := range c.gates() {
		all.add(g.scenario, g.strategy, g.metric.word(), g.junit(c.Advisory))
	}
	for i := range c.Thresholds {
		t := &c.Thresholds[i]
		all.add(t.Scenario, t.Strategy, t.Threshold, t.junit())
	}
	for _, l := range c.LeftOut {
		all.add(l.Scenario, l.Strategy, "left out of "+l.Document, &junitCase{Skipped: &junitSaid{Message: l.Reason}})
	}
	if c.Interrupted {
		all.add("check", "check", "interrupted", &junitCase{Skipped: &junitSaid{Message: c.interruptedWords()}})
	}
	for _, s := range all.Suites {
		for _, k := range s.Cases {
			s.count(k)
			all.count(k)
		}
	}
	out, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(out)+"\n")
	return err
}

// add adds a case to a scenario's suite.
func (all *junitSuites) add(scenario, strategy, name string, k *junitCase) {
	k.Class, k.Name = clean("sessbench."+scenario+"."+strategy), clean(name)
	for _, s := range all.Suites {
		if s.Name == clean(scenario) {
			s.Cases = append(s.Cases, *k)
			return
		}
	}
	all.Suites = append(all.Suites, &junitSuite{Name: clean(scenario), Cases: []junitCase{*k}})
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

// junit is the metric's case, but for its name.
func (f *CheckedMetric) junit(advice bool) *junitCase {
	switch {
	case f.Verdict == FailedGate && advice:
		return &junitCase{Skipped: &junitSaid{Message: "advice: " + f.metric.word() + " " + f.worsened()}}
	case f.Verdict == FailedGate:
		return &junitCase{Failure: &junitSaid{f.metric.word() + " " + f.worsened(), "regression"}}
	case f.Verdict == Inconclusive:
		return &junitCase{Skipped: &junitSaid{Message: "inconclusive: " + f.why()}}
	}
	return &junitCase{}
}

// junit is the threshold's case, but for its name.
func (t *CheckedThreshold) junit() *junitCase {
	switch t.Verdict {
	case FailedGate:
		return &junitCase{Failure: &junitSaid{t.Describe(), "threshold"}}
	case Inconclusive:
		return &junitCase{Skipped: &junitSaid{Message: "inconclusive: " + t.Describe()}}
	}
	return &junitCase{}
}
