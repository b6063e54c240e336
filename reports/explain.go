package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/explain"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// shownShare is the share of an operation's time from which on a part has a column.
const shownShare = 0.005

// explained returns the section's results that have an explanation.
func (s *section) explained() []*result.Result {
	return slices.DeleteFunc(slices.Clone(s.results), func(r *result.Result) bool { return r.Explanation == nil || r.Failed() })
}

// explanation adds where the time of the section's operations goes: a table, its details, and a sentence per row that has a reason.
func (s *section) explanation(p *sheet.Page) {
	rows := s.explained()
	if len(rows) == 0 {
		return
	}
	p.Heading(sheet.Bold, s.scenario+": where the time of an operation goes")
	p.Table(partsTable(rows))
	for _, r := range rows {
		if why := judge.WhyUnexplained(r); why != "" {
			p.List(sheet.Worse, r.Strategy+": no reasons are given: "+why+".", nil)
			continue
		}
		if reasons := judge.Reasons(r, &s.doc.Machine); len(reasons) > 0 {
			p.List(sheet.Plain, r.Strategy+": "+strings.Join(reasons, " "), nil)
		}
	}
	p.Table(detailsTable(rows))
	p.Say(sheet.Plain, busiestLines(rows)...)
	for _, r := range rows {
		profiles(p, r)
	}
	p.Legend(partsLegend(rows))
}

// hasPart reports whether a row can have a part: a store that reports its locks has no time that is only before the closure, and others no
// wait for a lock.
func hasPart(r *result.Result, p explain.Part) bool {
	remote := r.Explanation.All.Shares[explain.Answer.String()] > 0 || r.Explanation.All.Shares[explain.Client.String()] > 0
	switch p {
	case explain.Index, explain.LockWait:
		return r.Explanation.Hooks
	case explain.Before:
		return !r.Explanation.Hooks && !remote
	case explain.Client, explain.Answer:
		return remote
	case explain.After, explain.Repeats:
		return !remote
	}
	return true
}

// shownParts returns the parts that have a column: those that some row spends time on, and what is unexplained.
func shownParts(rows []*result.Result) []explain.Part {
	return slices.DeleteFunc(explain.Parts(), func(p explain.Part) bool {
		return p != explain.Unexplained && !slices.ContainsFunc(rows, func(r *result.Result) bool {
			return r.Explanation.All.Shares[p.String()] >= shownShare
		})
	})
}

// whyCell is the main reason of a row.
func whyCell(r *result.Result) sheet.Cell {
	return sheet.Cell{Text: cmp.Or(judge.MainReason(r), result.Nothing)}
}

const whyLegend = "what most of an operation's time is spent on that another store or machine could avoid; –: nothing significant"

func partsTable(rows []*result.Result) *sheet.Table {
	t := &sheet.Table{Columns: []sheet.Column{{Title: "strategy", Left: true}, {Title: "mean"}}, Rows: make([][]sheet.Cell, len(rows))}
	parts := shownParts(rows)
	for _, p := range parts {
		t.Columns = append(t.Columns, sheet.Column{Title: p.String()})
	}
	t.Columns = append(t.Columns, sheet.Column{Title: "speed", Spare: 1})
	for i, r := range rows {
		x := r.Explanation
		cells := []sheet.Cell{{Text: r.Strategy}, {Text: result.FormatNs(int64(x.All.MeanNs))}}
		for _, p := range parts {
			cell := sheet.Cell{Text: result.Nothing}
			if hasPart(r, p) {
				cell.Text = result.FormatPercent1(x.All.Shares[p.String()])
			}
			cells = append(cells, cell)
		}
		t.Rows[i] = append(cells, sheet.Cell{Text: fmt.Sprintf("%.2f", judge.PassSpeed(r))})
	}
	return t
}

func detailsTable(rows []*result.Result) *sheet.Table {
	t := &sheet.Table{Columns: []sheet.Column{{Title: "strategy", Left: true}, {Title: "contended"}, {Title: "wait p50"}, {Title: "wait p99"}, {Title: "closure p50"},
		{Title: "closure p99"}, {Title: "Jain"}, {Title: "slowest ÷ fastest", Spare: 1}, {Title: "allocs/op"}, {Title: "bytes/op"}, {Title: "bytes/session", Spare: 1}}}
	for _, r := range rows {
		x := r.Explanation
		contended := result.Nothing
		if x.Hooks {
			contended = result.FormatPercent1(x.Contended)
		}
		jain, slowest := result.Nothing, result.Nothing
		if x.Fairness.Jain > 0 {
			jain, slowest = fmt.Sprintf("%.3f", x.Fairness.Jain), fmt.Sprintf("%.2f", x.Fairness.MinOverMax)
		}
		session := result.Nothing
		if r.Summary.BytesPerSession > 0 {
			session = result.FormatBytes(r.Summary.BytesPerSession)
		}
		t.Rows = append(t.Rows, []sheet.Cell{{Text: r.Strategy}, {Text: contended}, percentileCell(x.LockWaits, false), percentileCell(x.LockWaits, true),
			percentileCell(x.Closures, false), percentileCell(x.Closures, true), {Text: jain}, {Text: slowest},
			{Text: result.FormatAmount(x.Usage.AllocsPerOp)}, {Text: result.FormatBytes(x.Usage.BytesPerOp)}, {Text: session}})
	}
	return t
}

// percentileCell is the median or the 99th percentile of a distribution.
func percentileCell(l *result.Latency, high bool) sheet.Cell {
	if l == nil {
		return sheet.Cell{Text: result.Nothing}
	}
	v := l.P50
	if high {
		v = l.P99
	}
	if v == nil {
		return sheet.Cell{Text: result.Nothing}
	}
	return sheet.Cell{Text: result.FormatNs(*v)}
}

// uneven is how many times its fair share the busiest session or shard has at least, to be mentioned.
const uneven = 2

// busiestLines names the busiest sessions of the scenario, and the busiest shards of each store, where they are uneven.
func busiestLines(rows []*result.Result) (lines []string) {
	line := func(what string, list []result.Busy, of int) {
		if len(list) == 0 || of < 2 || list[0].Share < uneven/float64(of) || list[0].Share < 0.01 {
			return
		}
		var words []string
		for _, b := range list {
			words = append(words, fmt.Sprintf("%d: %s", b.Number, result.FormatPercent1(b.Share)))
		}
		lines = append(lines, what+" by operations: "+strings.Join(words, ", "))
	}
	line("busiest sessions", rows[0].Explanation.Sessions, rows[0].Sessions)
	for _, r := range rows {
		line("busiest shards of "+r.Strategy, r.Explanation.Shards, len(r.Explanation.Shards))
	}
	return lines
}

var partWords = [...]string{
	explain.Index:       "finding the session, and what else the store does before its closure runs",
	explain.LockWait:    "from the request for the lock until it is granted; its holder may have lost its CPU meanwhile",
	explain.Before:      "from the call to the closure, in a store that does not report its locks: they cannot be told from its other work",
	explain.Closure:     "the closure of the operation: the work under the lock",
	explain.Repeats:     "runs of the closure that were in vain because another update came first",
	explain.After:       "from the end of the closure to the return",
	explain.Client:      "this process's own work for a request and its answer",
	explain.Answer:      "waiting for the answer of a target, without the work under the lock that it reports",
	explain.CPU:         "the goroutine could run, but no processor was free",
	explain.GC:          "assisting the garbage collector, stopped by it, or waiting for a processor that it has",
	explain.Unexplained: "the trace does not say what the goroutine did",
}

func partsLegend(rows []*result.Result) (list []sheet.Term) {
	for _, p := range shownParts(rows) {
		list = append(list, sheet.Term{Term: p.String(), Text: partWords[p]})
	}
	return append(list, sheet.Term{Term: "speed", Text: "throughput of this pass, which observes the operations, divided by that of the trials, which it does not touch"})
}

// profiles adds the functions with the largest shares of a row's profiles, and links to their files.
func profiles(p *sheet.Page, r *result.Result) {
	x := r.Explanation
	for _, of := range []struct{ kind, what string }{{"cpu", "processor time in operations"}, {"mutex", "waits for mutexes, by the function that unlocks"}} {
		var words []string
		for _, f := range x.Functions[of.kind] {
			words = append(words, fmt.Sprintf("%s %s", f.Name, result.FormatPercent1(f.Share)))
		}
		if words != nil {
			p.List(sheet.Plain, r.Strategy+", "+of.what+": "+strings.Join(words, ", "), nil)
		}
	}
	var list []sheet.Link
	for _, of := range x.Profiles {
		list = append(list, sheet.Link{Text: of.Kind, Path: of.File})
	}
	p.Links(r.Strategy+", for go tool pprof and go tool trace:", list)
}
