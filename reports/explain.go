package reports

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/explain"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
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
func (s *section) explanation(p *sheet.Page, o Options) {
	rows := s.explained()
	if len(rows) == 0 {
		return
	}
	p.Heading(sheet.Bold, s.scenario+": where the time of an operation goes")
	p.Table(partsTable(rows))
	var sentences, without []string
	for _, r := range rows {
		if why := judge.WhyUnexplained(r); why != "" {
			without = append(without, r.Strategy+": no reasons are given: "+why+".")
		} else if reasons := judge.Reasons(r, &s.doc.Machine); len(reasons) > 0 {
			sentences = append(sentences, r.Strategy+": "+strings.Join(reasons, " "))
		}
	}
	p.List(sheet.Plain, "", sentences)
	p.List(sheet.Plain, "", without)
	p.Table(detailsTable(rows))
	p.Say(sheet.Plain, busiestLines(rows)...)
	for _, r := range rows {
		profiles(p, r, o)
	}
	p.Legend(partsLegend(rows))
}

// hasPart reports whether a row can have a part: a store that reports its locks has no time that is only before the closure, and others no
// wait for a lock.
func hasPart(r *result.Result, p explain.Part) bool {
	all := r.Explanation.All.Shares
	remote := all[explain.Answer.String()] > 0 || all[explain.Client.String()] > 0
	switch p {
	case explain.Index, explain.LockWait:
		return r.Explanation.Hooks
	case explain.Before:
		return !r.Explanation.Hooks && !remote
	case explain.Client, explain.Answer:
		return remote
	case explain.After:
		return !remote
	case explain.Repeats, explain.Closure:
		return all[p.String()] > 0
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

const whyLegend = "the largest of lock wait, waiting for a CPU, garbage collection, repeats and waiting for the target, if it is at least 10 % of the operation that takes most of the time"

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
	t := &sheet.Table{Columns: []sheet.Column{{Title: "strategy", Left: true}, {Title: "operation", Left: true}, {Title: "contended"}, {Title: "wait p50"}, {Title: "wait p99"},
		{Title: "closure p50"}, {Title: "closure p99"}, {Title: "Jain"}, {Title: "slowest ÷ fastest", Spare: 1}, {Title: "allocs/op"}, {Title: "bytes/op"}, {Title: "bytes/session", Spare: 1}}}
	for _, r := range rows {
		x := r.Explanation
		op := judge.MainOperation(x)
		of := x.Each[op]
		contended := result.Nothing
		if of.LockWaits != nil {
			contended = result.FormatPercent1(of.Contended)
		}
		jain, slowest := result.Nothing, result.Nothing
		if f := x.Fairness; f.Jain > 0 && f.MinOps >= fewestPerUser && !r.Summary.SchedulerBound {
			jain, slowest = fmt.Sprintf("%.3f", f.Jain), fmt.Sprintf("%.2f", f.MinOverMax)
		}
		session := result.Nothing
		if r.Summary.BytesPerSession > 0 {
			session = result.FormatBytes(r.Summary.BytesPerSession)
		}
		bytes := metric.MedianOf(r, func(t *result.Trial) float64 { return t.Usage.BytesPerOp }).Median
		t.Rows = append(t.Rows, []sheet.Cell{{Text: r.Strategy}, {Text: op}, {Text: contended}, percentileCell(of.LockWaits, false), percentileCell(of.LockWaits, true),
			percentileCell(of.Closures, false), percentileCell(of.Closures, true), {Text: jain}, {Text: slowest},
			{Text: result.FormatAmount(r.Summary.AllocsPerOp)}, {Text: result.FormatBytes(bytes)}, {Text: session}})
	}
	return t
}

// fewestPerUser is the fewest operations of a user from which on differences between users are more than chance.
const fewestPerUser = 30

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

// A session or shard is mentioned if it has at least so many times its fair share, and so many operations.
const (
	uneven     = 2
	fewestBusy = 100
)

// busiestLines names the busiest sessions of the scenario, from the row with the most operations, and the busiest shards of each store, where they
// are uneven.
func busiestLines(rows []*result.Result) (lines []string) {
	line := func(what string, list []result.Busy, of int) {
		var words []string
		for _, b := range list {
			if b.Share >= uneven/float64(max(1, of)) && b.Operations >= fewestBusy {
				words = append(words, fmt.Sprintf("%d: %s", b.Number, result.FormatPercent1(b.Share)))
			}
		}
		if words != nil {
			lines = append(lines, what+" by operations: "+strings.Join(words, ", "))
		}
	}
	most := slices.MaxFunc(rows, func(a, b *result.Result) int { return cmp.Compare(a.Explanation.Operations, b.Explanation.Operations) })
	line("busiest sessions", most.Explanation.Sessions, most.Sessions)
	for _, r := range rows {
		line("busiest shards of "+r.Strategy, r.Explanation.Shards, r.Explanation.ShardCount)
	}
	return lines
}

func partsLegend(rows []*result.Result) (list []sheet.Term) {
	for _, p := range shownParts(rows) {
		list = append(list, sheet.Term{Term: p.String(), Text: p.Doc()})
	}
	return append(list, sheet.Term{Term: "speed", Text: "of this pass, which observes the operations, divided by that of the trials, which it does not touch"},
		sheet.Term{Term: "operation", Text: "the one that takes most of the time, to which the columns up to closure p99 belong; Jain's index is over the operations of the users"})
}

// profiles adds the functions with the largest shares of a row's profiles, and links to their files.
func profiles(p *sheet.Page, r *result.Result, o Options) {
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
		file := of.File
		if !path.IsAbs(file) {
			file = path.Join(o.Base, file)
		}
		list = append(list, sheet.Link{Text: of.Kind, Path: file})
	}
	p.Links(r.Strategy+", for go tool pprof and go tool trace:", list)
}
