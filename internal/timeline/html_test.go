package timeline

import (
	"bytes"
	"errors"
	"github.com/sessbench/sessbench/internal/history"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func page(t testing.TB, v *history.Violation) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteHTML(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestWriteHTML: every violation's page says what its timeline says, is whole, and asks nothing of the network. With
// SESSBENCH_PICTURES=DIR the pages are left there to be looked at.
func TestWriteHTML(t *testing.T) {
	dir := os.Getenv("SESSBENCH_PICTURES")
	for name, v := range violations(t) {
		t.Run(name, func(t *testing.T) {
			html := page(t, v)
			if dir != "" {
				if err := os.WriteFile(filepath.Join(dir, name+".html"), []byte(html), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, want := range []string{"<h1>" + string(v.Anomaly) + "</h1>", "That means:", v.Command, "</html>"} {
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

// TestWriteHTMLEscapes: what a store said is text.
func TestWriteHTMLEscapes(t *testing.T) {
	const evil = `<script>alert("x")</script></pre></iframe>`
	v := lostUpdate(t)
	v.Why, v.Command, v.Stacks, v.Anomaly = evil, evil, evil, history.Anomaly(evil)
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

// TestWriteHTMLIncomplete: no history, no fault, operations without an end.
func TestWriteHTMLIncomplete(t *testing.T) {
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

func TestWriteHTMLWriteError(t *testing.T) {
	if err := WriteHTML(brokenWriter{}, lostUpdate(t)); !errors.Is(err, errFull) {
		t.Errorf("%v, want %v", err, errFull)
	}
}
