package reports

import (
	"errors"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/judge"
)

func TestStored(t *testing.T) {
	with := func(s judge.Stored, change func(s *judge.Stored)) judge.Stored { change(&s); return s }
	strict := func(s judge.Stored) judge.Stored { s.Strict = true; return s }
	elsewhere := func(s *judge.Stored) { s.New.Document.Machine.Kernel = "6.9.1" }
	for _, tt := range []struct {
		why      string
		stored   judge.Stored
		verdict  judge.Verdict
		binding  judge.Verdict
		advisory bool
		said     string
	}{
		{"the same is fine", stored(6, 1),
			judge.Passed, judge.Passed, true, "no gated median is worse by 10 % or more (8 comparisons). This comparison is only advice"},
		{"slower is advice", stored(10, 0.7), judge.Failing, judge.Passed, true, "This comparison is only advice: measurements of one machine at two times"},
		{"and a gate when asked for", strict(stored(10, 0.7)), judge.Failing, judge.Failing, false, "(p="},
		{"which passes, too", strict(stored(10, 1)), judge.Passed, judge.Passed, false, "8 comparisons"},
		{"6 trials cannot fail", stored(6, 0.7), judge.Inconclusive, judge.Passed, true, "6 and 6 trials are too few"},
		{"elsewhere it is advice, asked for or not", with(strict(stored(10, 0.7)), func(s *judge.Stored) { elsewhere(s); s.OtherMachine = true }),
			judge.Failing, judge.Passed, true,
			"main was measured on another machine"},
		{"a machine that may be another one and is not", with(strict(stored(10, 0.7)), func(s *judge.Stored) { s.OtherMachine = true }),
			judge.Failing, judge.Failing, false, ""},
		{"a lost update is no matter of advice", with(stored(10, 1), func(s *judge.Stored) { lost(s.New.Document, "sharded") }),
			judge.Violated, judge.Violated, true, "in new"},
		{"nor is a threshold", with(stored(10, 1), func(s *judge.Stored) { s.Thresholds = thresholds("p50<1ns") }),
			judge.Failing, judge.Failing, true, "2 of 2 thresholds crossed"},
		{"interrupted", with(strict(stored(10, 1)), func(s *judge.Stored) { s.New.Document.Interrupted = true }),
			judge.Inconclusive, judge.Inconclusive, false, "interrupted"},
		{"more in the baseline than now", storeds()["stored-left-out"](), judge.Violated, judge.Violated, true, "in main"},
		{"a strategy that is new has nothing to be held against", with(strict(stored(10, 1)), func(s *judge.Stored) {
			s.Old.Document.Results = s.Old.Document.Results[:1]
		}), judge.Passed, judge.Passed, false, "4 comparisons"},
		{"a strategy that is gone has nothing to be judged by", with(strict(stored(10, 1)), func(s *judge.Stored) {
			s.New.Document.Results = s.New.Document.Results[:1]
		}), judge.Passed, judge.Passed, false, "4 comparisons"},
		{"which leaves it open where all were to be there", with(strict(stored(10, 1)), func(s *judge.Stored) {
			s.New.Document.Results, s.Whole = s.New.Document.Results[:1], true
		}), judge.Inconclusive, judge.Inconclusive, false, "not everything could be compared with main"},
		{"a strategy without a trial", with(strict(stored(10, 1)), func(s *judge.Stored) { s.New.Document.Results[1].Trials = nil }),
			judge.Inconclusive, judge.Inconclusive, false,
			"not everything could be compared with main"},
	} {
		c := checkingStored(t, tt.stored)
		if c.Verdict != tt.verdict || c.Binding() != tt.binding || c.Advisory != tt.advisory || !strings.Contains(c.Explanation, tt.said) {
			t.Errorf("%s: %s, binding %s, advisory %v: %s\nwant %s, %s, %v with %q", tt.why, c.Verdict, c.Binding(), c.Advisory, c.Explanation,
				tt.verdict, tt.binding, tt.advisory, tt.said)
		}
	}
	for _, tt := range []struct {
		why    string
		stored judge.Stored
		want   string
	}{
		{"another kernel", with(stored(10, 1), elsewhere), "another machine: kernel: 6.8.0 in main, 6.9.1 in new"},
		{"another Go", with(stored(10, 1), func(s *judge.Stored) { s.New.Document.Machine.Go = "go1.27" }), "another machine: Go: go1.26.0 in main, go1.27 in new"},
		{"another window, though the machine may be another", with(stored(10, 1), func(s *judge.Stored) {
			s.OtherMachine = true
			s.New.Document.Results[0].WindowNs = 1
		}), "window (chatbot): 400ms in main, 1ns in new"},
		{"9 trials are too few for a gate", strict(stored(9, 1)), "9 trials of per-session (chatbot) in main: a strict check needs 10 or more"},
		{"9 new ones are", with(strict(stored(10, 1)), func(s *judge.Stored) { s.New.Document.Results[1].Trials = s.New.Document.Results[1].Trials[:9] }),
			"9 trials of sharded (chatbot) in new"},
		{"nothing in common", with(stored(10, 1), func(s *judge.Stored) { s.Old.Document = arm(6, 1, 0.02, 1, "global") }), "nothing in common"},
	} {
		_, err := judge.CheckStored(tt.stored)
		incomparable := (*judge.NotComparableError)(nil)
		if !errors.As(err, &incomparable) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an IncomparableError with %q", tt.why, err, tt.want)
		} else if machines := strings.HasPrefix(tt.want, "another machine"); incomparable.Machines != machines {
			t.Errorf("%s: only the machines differ: %v", tt.why, incomparable.Machines)
		}
	}
}
