package findings

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/reports"
)

// Reports as they may come from a child.
func good(name string) *verify.Report {
	return &verify.Report{
		Subject: name, Verdict: history.Linearizable, Rounds: 2, ElapsedNs: 2e9,
		Stats: history.Stats{Sessions: 10, Operations: 1000, Overlapped: 0.6, Certified: 10, CrossChecked: 1},
		Guarantees: []verify.Guarantee{
			{Name: "linearizable", Declared: "yes", Observed: "yes", Kept: true},
			{Name: "cancellable", Declared: "while queued", Observed: "while queued", Kept: true},
			{Name: "rollback", Declared: "no", Observed: "–", Kept: true},
		},
	}
}

func guilty(name string, a history.Anomaly) *verify.Report {
	r := good(name)
	r.Verdict = history.Violated
	r.Violation = &history.Violation{Anomaly: a, Detector: history.ByWitness, Why: "so it is", Seed: 3, Command: "sessbench verify -S " + name}
	r.Guarantees[0].Observed, r.Guarantees[0].Kept = "no", false
	return r
}

func doubtful(name string) *verify.Report {
	r := good(name)
	r.Verdict, r.Why = history.Inconclusive, "nobody met anybody"
	return r
}

func found(of *Flaw, list ...*verify.Report) *Document {
	f := &Document{}
	for _, r := range list {
		f.Add(r, of)
	}
	return f
}

func TestOutcome(t *testing.T) {
	flaw := &Flaw{Name: "lost-update", Kills: []history.Anomaly{history.LostUpdate}}
	racy := &Flaw{Name: "torn", Kills: []history.Anomaly{history.FracturedRead}, Races: true}
	cut := found(nil, good("a"), doubtful("b"))
	cut.Interrupted = true
	unfinished := found(flaw, good("lost-update"))
	unfinished.Interrupted = true
	halted := found(flaw, guilty("lost-update", history.LostUpdate))
	halted.Failed = []string{"torn: out of order"}
	broken := found(nil, good("a"))
	broken.Failed = []string{"b: out of order"}
	both := found(nil, guilty("a", history.LostUpdate), doubtful("c"))
	both.Failed = broken.Failed
	for _, tc := range []struct {
		why     string
		f       *Document
		written error
		outcome Outcome
		want    string
	}{
		{"all is well", found(nil, good("a"), good("b")), nil, Fine, ""},
		{"one is wrong", found(nil, good("a"), guilty("b", history.StaleRead)), nil, Violated, "violated by b (stale read)"},
		{"one cannot be told", found(nil, good("a"), doubtful("b")), nil, Inconclusive, "inconclusive: b"},
		{"one could not be run", broken, nil, Failed, "b: out of order"},
		{"a full disk", found(nil, good("a")), errors.New("disk full"), Failed, "disk full"},
		{"all of it, and the worst decides", both, errors.New("disk full"), Violated,
			"inconclusive: c; b: out of order; disk full; violated by a (lost update)"},
		{"cut short", cut, nil, Interrupted, "inconclusive: b; interrupted: the reports are partial"},
		{"a flaw convicted", found(flaw, guilty("lost-update", history.LostUpdate)), nil, Violated, "1 of 1 flawed store convicted"},
		{"a flaw missed", found(flaw, good("lost-update")), nil, Failed, "0 of 1 flawed store convicted; the checker missed: lost-update"},
		{"a flaw convicted of something else", found(flaw, guilty("lost-update", history.StaleRead)), nil, Failed,
			"0 of 1 flawed store convicted; the checker missed: lost-update (convicted of stale read: want lost update)"},
		{"a flaw that races may crash", found(racy, guilty("torn", history.Crash)), nil, Violated, "1 of 1 flawed store convicted"},
		{"a flaw that could not be run", halted, nil, Failed, "torn: out of order; 1 of 1 flawed store convicted"},
		{"a flaw that there was no time for", unfinished, nil, Interrupted,
			"0 of 1 flawed store convicted; interrupted: the reports are partial"},
		{"one that does not race may not", found(flaw, guilty("lost-update", history.Crash)), nil, Failed,
			"0 of 1 flawed store convicted; the checker missed: lost-update (convicted of crash: want lost update)"},
	} {
		outcome, text := tc.f.Outcome(tc.written)
		if outcome != tc.outcome || text != tc.want {
			t.Errorf("%s: outcome %d, %q: want %d, %q", tc.why, outcome, text, tc.outcome, tc.want)
		}
	}
}

var errFull = errors.New("disk full")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errFull }

func TestClosing(t *testing.T) {
	flaw := &Flaw{Name: "f", Kills: []history.Anomaly{history.LostUpdate}}
	recorded := found(nil, good("v.json"))
	recorded.Recorded = true
	searched := good("b")
	searched.Certified, searched.Searched, searched.Unknown = 4, 5, 1
	cut := found(nil, guilty("b", history.LostUpdate))
	cut.Interrupted, cut.Failed, cut.Skipped = true, []string{"c: out of order"}, []string{"d", "e"}
	for _, tc := range []struct {
		f    *Document
		want string
	}{
		{found(nil, good("a"), good("b")), "2 strategies, every one linearizable: 20 sessions, 2,000 operations, 60% overlapped; " +
			"the witness certified all, porcupine agreed on 2 cross-checks."},
		{found(nil, good("a")), "1 strategy, linearizable: 10 sessions, 1,000 operations, 60% overlapped; " +
			"the witness certified all, porcupine agreed on 1 cross-check."},
		{recorded, "1 history, linearizable: 10 sessions, 1,000 operations, 60% overlapped; " +
			"the witness certified all, porcupine agreed on 1 cross-check."},
		{found(nil, good("a"), guilty("b", history.LostUpdate), doubtful("c")), "1 of 3 strategies linearizable; violated by b (lost update); " +
			"inconclusive: c: 30 sessions, 3,000 operations, 60% overlapped; the witness certified all, porcupine agreed on 3 cross-checks."},
		{found(nil, searched), "1 strategy, linearizable: 10 sessions, 1,000 operations, 60% overlapped; " +
			"the witness certified 4, porcupine decided 5, porcupine agreed on 1 cross-check, 1 session undecided."},
		{found(nil, guilty("b", history.LostUpdate)), "1 strategy, violated by b (lost update)."},
		{cut, "1 of 4 strategies verified: 1 strategy, violated by b (lost update)."},
		{found(flaw, guilty("f", history.LostUpdate)), "1 flawed store, convicted."},
		{found(flaw, guilty("f", history.LostUpdate), good("f")), "The checker missed 1 of 2 flawed stores: f."},
	} {
		if diff := cmp.Diff(tc.want, tc.f.closing()); diff != "" {
			t.Error(diff)
		}
	}
}

// TestTable: one table where there is room, two where not; a broken promise is loud, in red on a terminal.
func TestTable(t *testing.T) {
	fell := &verify.Report{Subject: "b", ElapsedNs: 3e8}
	fell.Add(&history.Violation{Anomaly: history.Crash, Detector: history.ByCrash, Why: "it fell"})
	f := found(nil, good("cow"), guilty("actor", history.LostUpdate), fell)
	page := func(screen reports.Options) string {
		var out bytes.Buffer
		if err := f.Write(&out, screen); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	wide := page(reports.Options{Width: 160})
	for _, want := range []string{
		"strategy  verdict       linearizable  cancellable       rollback  sessions  operations  overlapped  time\n",
		"cow       linearizable  yes/yes       while queued/yes  no/–      10        1,000       60%         2.00 s\n",
		"actor     violated      yes/NO        while queued/yes  no/–      10        1,000       60%         2.00 s\n",
		"b         violated      –             –                 –         –         –           –           300 ms\n",
		"So it is.", "Reproduce with: sessbench verify -S actor\n", "It fell.",
	} {
		if !strings.Contains(wide, want) {
			t.Errorf("no %q in\n%s", want, wide)
		}
	}
	narrow := page(reports.Options{Width: 80})
	for _, want := range []string{
		"strategy  verdict       linearizable  sessions  operations  overlapped  time\n",
		"strategy  cancellable       rollback\n",
		"actor     while queued/yes  no/–\n",
	} {
		if !strings.Contains(narrow, want) {
			t.Errorf("no %q in\n%s", want, narrow)
		}
	}
	squeezed := page(reports.Options{Width: 38})
	for _, want := range []string{"strategy  linearizable\n", "strategy  cancellable       rollback\n"} {
		if !strings.Contains(squeezed, want) {
			t.Errorf("no %q in\n%s", want, squeezed)
		}
	}
	if colored := page(reports.Options{Color: true, Width: 160}); !strings.Contains(colored, sheet.Worse.ANSI()+"yes/NO"+sheet.Off) {
		t.Errorf("no red promise in\n%q", colored)
	}
	if strings.Contains(wide, "\x1b") {
		t.Error("color where none was asked for")
	}
	if err := f.Write(brokenWriter{}, reports.Options{}); !errors.Is(err, errFull) {
		t.Errorf("%v, want %v", err, errFull)
	}
}

// A guarantee that does not hold is explained, unless a violation of the report does so.
func TestBrokenGuarantees(t *testing.T) {
	for _, reported := range []bool{false, true} {
		r := good("a")
		r.Guarantees = append(r.Guarantees, verify.Guarantee{
			Name: "leak-free", Declared: "yes", Observed: "no", Detail: "7 locks are left", Reported: reported,
		})
		var out bytes.Buffer
		if err := found(nil, r).Write(&out, reports.Options{}); err != nil {
			t.Fatal(err)
		}
		if explained := strings.Contains(out.String(), "a: leak-free: declared yes, observed no: 7 locks are left"); explained == reported {
			t.Errorf("reported: %v, explained: %v", reported, explained)
		}
	}
}
