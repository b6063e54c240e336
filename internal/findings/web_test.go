package findings

import (
	"regexp"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
)

// webPage returns the page as HTML, and its text.
func webPage(t testing.TB, f *Document) (html, text string) {
	t.Helper()
	var b strings.Builder
	if err := f.webPage().WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(b.String(), "<main>")
	body, _, _ = strings.Cut(body, "</main>")
	return b.String(), regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, "")
}

// The first line of a page states the verdict, and is as sure as the document.
func TestWebHeadline(t *testing.T) {
	flaw := &Flaw{Name: "f", Kills: []history.Anomaly{history.LostUpdate}}
	recorded := found(nil, guilty("v.json", history.LostUpdate))
	recorded.Recorded = true
	cut := found(nil, good("a"))
	cut.Interrupted, cut.Skipped = true, []string{"b", "c"}
	broken := found(nil, good("a"))
	broken.Failed = []string{"b: out of order"}
	leaking := guilty("a", history.LeakedLocks)
	leaking.Violation.Detector = history.ByCensus
	both := guilty("a", history.LostUpdate)
	both.Others = []*history.Violation{{Anomaly: history.StaleRead, Why: "it is old"}}
	for _, tc := range []struct {
		why  string
		f    *Document
		want string
	}{
		{"all is well", found(nil, good("a"), good("b")), "✓ No violation found: all of 2 strategies are linearizable"},
		{"one store", found(nil, good("a")), "✓ No violation found: a is linearizable"},
		{"one is wrong", found(nil, good("a"), guilty("b", history.StaleRead)), "✗ b is not correct under concurrency: stale read"},
		{"in two ways", found(nil, both), "✗ a is not correct under concurrency: lost update, stale read"},
		{"a leak", found(nil, leaking), "✗ a does not keep the contract: leaked locks"},
		{"two are wrong", found(nil, guilty("a", history.LostUpdate), guilty("b", history.StaleRead)),
			"✗ 2 of 2 strategies are not correct under concurrency: a (lost update) and b (stale read)"},
		{"undecided", found(nil, good("a"), doubtful("b")), "? Inconclusive: b"},
		{"interrupted", cut, "? No violation found so far (1 of 3 strategies verified)"},
		{"one could not be run", broken, "? No violation found so far (1 of 2 strategies verified)"},
		{"a flaw", found(flaw, guilty("f", history.LostUpdate)), "✗ f (wrong on purpose) is not correct under concurrency: lost update"},
		{"flaws", found(flaw, guilty("f", history.LostUpdate), guilty("f", history.LostUpdate)), "2 flawed stores, every one convicted."},
		{"a missed flaw", found(flaw, good("f")), "✗ The checker missed 1 of 1 flawed store: f."},
		{"a recorded history", recorded, "✗ The store of v.json is not correct under concurrency: lost update"},
	} {
		_, text := webPage(t, tc.f)
		if first, _, _ := strings.Cut(strings.TrimSpace(text), "\n"); first != tc.want {
			t.Errorf("%s: %q: want %q", tc.why, first, tc.want)
		}
		if outcome, _ := tc.f.Outcome(nil); strings.Contains(text, "✓") != (outcome == Fine) {
			t.Errorf("%s: the page is not as sure as the document", tc.why)
		}
	}
}

// A page has every violation with its command, what was verified, and what could not be.
func TestWebPage(t *testing.T) {
	both := guilty("b", history.LostUpdate)
	both.Others = []*history.Violation{{Anomaly: history.StaleRead, Why: "it is old", Command: "sessbench verify -S b --seed 9"}}
	f := found(nil, good("a"), both, guilty("c", history.Hang), doubtful("d"))
	f.Failed, f.Skipped, f.Command, f.Interrupted = []string{"e: out of order"}, []string{"g", "h"}, "sessbench verify -S all", true
	_, text := webPage(t, f)
	for _, want := range []string{
		"So it is.", "sessbench verify -S b\n", "What was verified", "b: also: stale read", "it is old", "sessbench verify -S b --seed 9", "c: hang",
		"d: inconclusive: nobody met anybody", "e: out of order", "Interrupted before these were verified: g and h.", "sessbench verify -S all",
		"40 sessions, 4,000 operations", "while queued/yes",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// Of several flawed stores the table comes first, and each violation is in a fold.
func TestWebPageOfFlaws(t *testing.T) {
	flaw := &Flaw{Name: "f", Kills: []history.Anomaly{history.LostUpdate}, Copies: "a real bug"}
	html, text := webPage(t, found(flaw, guilty("f", history.LostUpdate), guilty("f", history.LostUpdate)))
	if n := strings.Count(html, `<details class="fold">`); n != 2 {
		t.Errorf("%d folds: want 2", n)
	}
	if table, first := strings.Index(text, "a real bug"), strings.Index(text, "So it is."); table < 0 || first < table {
		t.Errorf("the table does not come first:\n%s", text)
	}
}

// What stores and users say is text.
func TestWebPageEscapes(t *testing.T) {
	const evil = "</script></pre><img src=x onerror=alert(1)>\x1b[31m"
	r := guilty(evil, history.Anomaly(evil))
	r.Violation.Why, r.Violation.Command, r.Violation.Stacks, r.Violation.Causes = evil, evil, evil, []string{evil}
	r.Others = []*history.Violation{{Anomaly: history.Anomaly(evil), Why: evil, Command: evil}}
	r.Guarantees = append(r.Guarantees, verify.Guarantee{Name: evil, Declared: evil, Observed: evil, Detail: evil, Warning: evil})
	f := found(nil, r)
	f.Failed, f.Skipped, f.Command, f.Machine.CPU = []string{evil}, []string{evil}, evil, evil
	html, text := webPage(t, f)
	if strings.Contains(html, "<img") || strings.Contains(html, "\x1b") || !strings.Contains(text, "&lt;img src=x onerror=alert(1)&gt;") {
		t.Error("what a store said is not text")
	}
}
