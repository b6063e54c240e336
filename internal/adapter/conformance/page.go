package conformance

import (
	"fmt"
	"strings"

	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// Page has a table of all checks, what was sent and received in each that failed, and a summary.
func (r *Report) Page() *sheet.Page {
	p, rows := &sheet.Page{}, [][]string{}
	for _, c := range r.Checks {
		rows = append(rows, []string{c.Name, string(c.Outcome), c.Note})
	}
	p.Table(sheet.Words([]string{"check", "verdict", "seen"}, rows))
	for _, c := range r.Checks {
		if c.Outcome == Fail {
			p.Draw(c.draw)
		}
	}
	name := ""
	if r.Name != "" {
		name = r.Name + ": "
	}
	p.Say(sheet.Plain, fmt.Sprintf("%s%s passed, %d failed, %d skipped", name,
		result.FormatCounted(r.Count(Pass), "check"), r.Count(Fail), r.Count(Skip)))
	return p
}

// draw writes the messages of a failed check line by line, however wide they are.
func (c Check) draw(page *sheet.Text) error {
	page.Line(fmt.Sprintf("✗ %s (docs/adapter-protocol.md#%s)", c.Name, c.Section))
	for _, part := range [][2]string{{"sent", c.Sent}, {"got", c.Got}, {"want", c.Want}} {
		if part[1] != "" {
			page.Line(fmt.Sprintf("  %-4s  %s", part[0], strings.ReplaceAll(part[1], "\n", "\n        ")))
		}
	}
	return nil
}
