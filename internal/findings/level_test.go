package findings

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/reports"
)

// service is the report on a service with a level, of which the next stronger one is refuted.
func service(name, declared string, level, refuted history.Level) *verify.Report {
	r := good(name)
	r.Target, r.Guarantees, r.Verdict, r.Level, r.Declared = "http:chat.yaml", nil, history.Passed, level, declared
	if refuted != "" {
		r.Refuted = &verify.Refuted{Level: refuted, By: &history.Violation{
			Anomaly: history.LostUpdate, Detector: history.ByLevel, Why: "two appends overlapped", Command: "sessbench verify --seed 3",
		}}
	}
	return r
}

func TestLevels(t *testing.T) {
	overwrites := func(declared string) *verify.Report {
		return service("chat", declared, history.LevelLastWriterWins, history.LevelLinearizable)
	}
	loses := overwrites("")
	loses.Add(&history.Violation{Anomaly: history.LostUpdate, Detector: history.ByLevel, Why: "a message is lost"})
	below := overwrites("linearizable")
	below.Add(&history.Violation{Anomaly: history.LostUpdate, Detector: history.ByLevel, Why: "two appends overlapped"})
	right := service("chat", "", history.LevelLinearizable, "")
	right.Verdict = history.Linearizable
	noted := overwrites("last-writer-wins")
	noted.Notes, noted.Restarts, noted.Survival = []string{"ids are never reused"}, 3, &history.Survival{Writes: 120, Sessions: 9, Forgotten: 9}
	for _, test := range []struct {
		why      string
		report   *verify.Report
		outcome  Outcome
		headline string
		says     []string
		not      string
	}{
		{"it is right", right, Fine, "✓ No violation found: chat is linearizable", []string{"target verdict level sessions", "chat linearizable linearizable 10"}, "declared"},
		{"it overwrites", overwrites(""), Fine, "✓ No violation found: chat is last-writer-wins", []string{
			"chat passed last-writer-wins 10", "chat: last-writer-wins, and not linearizable", "Two appends overlapped.", "Reproduce with: sessbench verify --seed 3",
			"requests that overlap may overwrite each other's changes", "1 target, no violation, last-writer-wins: 10 sessions"}, "the declared one"},
		{"it overwrites, as declared", overwrites("last-writer-wins"), Fine, "✓ No violation found: chat is last-writer-wins",
			[]string{"chat passed last-writer-wins/last-writer-wins 10"}, "every one"},
		{"it overwrites, and is declared to be linearizable", below, Violated, "✗ chat is not correct under concurrency: lost update",
			[]string{"chat violated linearizable/LAST-WRITER-WINS 10", "the declared one stands before it"}, "not linearizable: two appends"},
		{"it loses a message", loses, Violated, "✗ chat is not correct under concurrency: lost update",
			[]string{"A message is lost.", "chat: last-writer-wins, and not linearizable: two appends overlapped", "chat: its mapping declares no consistency, so"}, "passed"},
		{"what the run could not show, and what survived", noted, Fine, "✓ No violation found: chat is last-writer-wins", []string{
			"chat: ids are never reused", "chat: 3 restarts: of 120 acknowledged writes 0 survived the restart: the sessions are kept in memory"}, "violated"},
	} {
		f := found(nil, test.report)
		var out, page bytes.Buffer
		if err := f.Write(&out, reports.Options{Width: 160}); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(out.String()), " ")
		for _, want := range test.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", test.why, want, out.String())
			}
		}
		if advises := strings.Contains(text, "declares no consistency"); advises != (test.report == loses) {
			t.Errorf("%s: the advice to declare a level: %v in\n%s", test.why, advises, out.String())
		}
		if strings.Contains(text, test.not) {
			t.Errorf("%s: %q in\n%s", test.why, test.not, out.String())
		}
		if outcome, _ := f.Outcome(nil); outcome != test.outcome {
			t.Errorf("%s: outcome %d, want %d", test.why, outcome, test.outcome)
		}
		if _, headline := f.headline(); headline != test.headline {
			t.Errorf("%s: %q, want %q", test.why, headline, test.headline)
		}
		if err := f.webPage().WriteHTML(&page); err != nil || test.report.Refuted != nil && !strings.Contains(page.String(), "wo appends overlapped") {
			t.Errorf("%s: error %v, or no refutation in the page", test.why, err)
		}
	}
	several := found(nil, good("global"), overwrites(""))
	if got, want := several.closing(), "1 of 2 stores linearizable; no violation by chat (last-writer-wins)"; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, got := several.headline(); !strings.HasPrefix(got, "✓ No violation found: 1 of 2 stores") {
		t.Errorf("headline %q", got)
	}
}
