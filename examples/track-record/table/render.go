package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sessbench/sessbench/examples/track-record/cases"
)

const (
	start = "<!-- track record: make track-record -->\n"
	end   = "<!-- end -->\n"
)

// replace returns the page with another table.
func replace(page, table string) (string, error) {
	before, rest, found := strings.Cut(page, start)
	_, after, ends := strings.Cut(rest, end)
	if !found || !ends {
		return "", errors.New("want the table between " + strings.TrimSpace(start) + " and " + strings.TrimSpace(end))
	}
	return before + start + table + end + after, nil
}

// render returns the table in Markdown.
func render(rows []row) string {
	var b strings.Builder
	b.WriteString("| case | bug | code | command | verdict | found | seconds | control | audit of `run` |\n")
	b.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| [%s](../examples/track-record/cases/%[1]s.yaml) | [%s](%s) %s: %s | %s | %s | %s | %s | %s | %s | %s |\n",
			r.Name, r.Project, r.Issue, r.Version, strings.TrimSpace(r.Mechanism), r.Code, r.command(), r.verdict(),
			r.foundText(), seconds(r.times), r.controlText(), r.auditText())
	}
	return b.String()
}

// command returns the command that finds the bug, as it is typed in the root of the repository.
func (r *row) command() string {
	args := r.Search().String()
	if r.Program == cases.TrackRecord {
		return "`go -C examples/track-record run . verify " + args + "`"
	}
	return "`go run . verify " + args + "`"
}

func (r *row) verdict() string {
	if len(r.found) == 0 {
		return "not found"
	}
	return strings.Join(r.found, ", ")
}

func (r *row) foundText() string {
	text := fmt.Sprintf("%d of %d", len(r.times), len(seeds))
	if r.stopped > 0 {
		text += fmt.Sprintf(", and no progress in %d", r.stopped)
	}
	return text
}

// seconds returns the median and the range.
func seconds(sorted []time.Duration) string {
	if len(sorted) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f (%.1f–%.1f)", sorted[len(sorted)/2].Seconds(), sorted[0].Seconds(), sorted[len(sorted)-1].Seconds())
}

func (r *row) controlText() string {
	if r.control == none {
		if r.ControlIs == "" {
			return string(none)
		}
		return r.ControlIs
	}
	return "no violation: " + r.ControlIs
}

func (r *row) auditText() string {
	if r.audit == none {
		return string(none) + " " + r.NoRun
	}
	return string(r.audit)
}
