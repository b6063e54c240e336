package timeline

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/sheet"
)

func page(t testing.TB, v *history.Violation) string {
	t.Helper()
	p := &sheet.Page{}
	p.Heading(sheet.Alarm, string(v.Anomaly))
	Add(p, v)
	AddDrawing(p, v)
	var b strings.Builder
	if err := p.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPage: every violation's page has its explanation and the command, is whole, and requests nothing. With SESSBENCH_PICTURES=DIR
// the pages are left there to be looked at.
func TestPage(t *testing.T) {
	dir := os.Getenv("SESSBENCH_PICTURES")
	for name, v := range violations(t) {
		t.Run(name, func(t *testing.T) {
			html := page(t, v)
			if dir != "" {
				if err := os.WriteFile(filepath.Join(dir, name+".html"), []byte(html), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, want := range []string{">" + string(v.Anomaly) + "</h1>", "That means:", v.Command, "</html>"} {
				if !strings.Contains(html, want) {
					t.Errorf("no %q", want)
				}
			}
			for _, outside := range []string{`src="`, `href="`, "@import", "url("} {
				if strings.Contains(html, outside) {
					t.Errorf("%q: something is fetched from elsewhere", outside)
				}
			}
			if drawn := strings.Contains(html, "<iframe"); drawn != (v.History != nil) {
				t.Errorf("a history, %v; a drawing, %v", v.History != nil, drawn)
			}
		})
	}
}

// The page's policy applies to porcupine's drawing: it allows the three scripts and two styles of the drawing beside its own ones.
func TestPolicyAllowsDrawing(t *testing.T) {
	policy := regexp.MustCompile(`script-src ([^;]*); style-src ([^;]*);`).FindStringSubmatch(page(t, lostUpdate(t)))
	if policy == nil {
		t.Fatal("no policy")
	}
	for i, want := range []int{4, 3} {
		list := strings.Fields(policy[i+1])
		if len(list) != want {
			t.Errorf("%d sources: want %d: %v", len(list), want, list)
		}
		for _, source := range list {
			if !strings.HasPrefix(source, "'sha256-") {
				t.Errorf("%s: want only hashes", source)
			}
		}
	}
}

// TestPageEscapes: what a store said is text.
func TestPageEscapes(t *testing.T) {
	const evil = `<script>alert("x")</script></pre></iframe>`
	v := lostUpdate(t)
	v.Why, v.Command, v.Stacks, v.Anomaly, v.Causes = evil, evil, evil, history.Anomaly(evil), []string{evil}
	html := page(t, v)
	if strings.Contains(html, `<script>alert`) || strings.Contains(html, "</pre></iframe>") {
		t.Error("what a store said became part of the page")
	}
	// The drawing is a page inside an attribute: there, the reason is escaped as JSON, as HTML in it, and as an attribute.
	_, drawing, _ := strings.Cut(html, "srcdoc=")
	if strings.Contains(drawing, "&lt;script&gt;alert") {
		t.Error("what a store said became part of the drawing's page")
	}
}

// TestPageOfIncompleteViolation: no history, no fault, operations without an end.
func TestPageOfIncompleteViolation(t *testing.T) {
	for _, v := range []*history.Violation{
		{},
		{Anomaly: history.WrongAnswer, History: &history.History{}},
		{Anomaly: history.LostUpdate, History: &history.History{Ops: []history.Op{created(1, 2, history.NewTag(0, 1))}}, Conflict: []int{7, -1}},
		{Anomaly: history.LostUpdate, History: &history.History{Claimed: true, Ops: []history.Op{{User: 40, Kind: history.Append, Outcome: history.Indeterminate, Return: history.Never, Tag: history.NewTag(2, 0)}}}, Conflict: []int{0}},
		{Anomaly: history.WrongAnswer, History: &history.History{Ops: []history.Op{{Call: 1, Return: 2, User: 3, Kind: history.ReadMessages, Outcome: history.OK, Parts: history.PartIncarnation | history.PartVersion | history.PartMessages, Incarnation: 1}}}}, // nothing comes first
	} {
		if html := page(t, v); !strings.Contains(html, "</html>") {
			t.Error("the page is not whole")
		}
	}
}

func TestDrawingReturnsWriteError(t *testing.T) {
	if err := newDrawing(lostUpdate(t)).write(brokenWriter{}); !errors.Is(err, errFull) {
		t.Errorf("%v, want %v", err, errFull)
	}
}
