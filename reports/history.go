package reports

import (
	"strconv"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// TrendFormats returns the formats of trends by name.
func TrendFormats() []FormatOf[*judge.Trend] {
	return kind[*judge.Trend]{name: "trend", rows: "one row per run of a series", shows: "a sparkline per metric, and what changed",
		page: trendPage, drawn: true, csv: trendRows}.formats()
}

// leastSpark is the minimum width of a sparkline, whatever the terminal's width.
const leastSpark = 10

// trendPage has a table per group, with sparklines as wide as there is room for, and its changes in words.
//
// The web begins with what was found, and has figures of each group.
func trendPage(t *judge.Trend, o Options) *sheet.Page {
	p, markdown, web := &sheet.Page{}, o.Medium != sheet.Terminal, o.Medium == sheet.Web
	if web {
		counts, advice, _ := strings.Cut(trendCounts(t), ". ")
		p.Heading(sheet.Bold, strings.TrimSuffix(counts, ".")+".")
		p.Say(sheet.Plain, advice, trendHeadline(t))
	} else {
		p.Say(sheet.Bold, trendHeadline(t))
		p.Say(sheet.Plain, trendCounts(t))
	}
	of := trendStyles(t)
	for i := range t.Groups {
		g := &t.Groups[i]
		p.Heading(sheet.Bold, g.Heading)
		p.Say(sheet.Plain, "on "+g.Machine)
		var changes []string
		for j := range g.Series {
			s := &g.Series[j]
			for _, c := range relevantChanges(s) {
				changes = append(changes, s.Strategy+", "+metric.Named(s.Metric).Title+": "+changeSentence(s, c))
			}
		}
		if web { // before the table, which is long
			p.List(sheet.Plain, "", changes)
		}
		if o.Drawn() {
			for _, f := range trendFigures(g, i, of) {
				p.Figure(f)
			}
		}
		table := trendTable(g, sparkWidth, markdown)
		if over := table.Width() - o.Width; o.Width > 0 && over > 0 {
			table = trendTable(g, max(leastSpark, longestSeries(g)-over), markdown)
		}
		p.Table(table)
		if !web {
			p.List(sheet.Plain, "", changes)
		}
	}
	p.Fold("Legend")
	p.Legend(trendLegends(t, markdown))
	return p
}

// longestSeries is the length of the group's longest sparkline.
func longestSeries(g *judge.TrendGroup) (n int) {
	for i := range g.Series {
		n = max(n, len(g.Series[i].Points))
	}
	return min(n, sparkWidth)
}

// trendTable has a row per series. In text, signs below a sparkline mark its changes.
func trendTable(g *judge.TrendGroup, width int, markdown bool) *sheet.Table {
	t := &sheet.Table{Columns: []sheet.Column{{Title: "strategy", Left: true}, {Title: "metric", Left: true}, {Title: "trend", Left: true},
		{Title: "runs"}, {Title: "first"}, {Title: "last"}, {Title: "last change"}}}
	for i := range g.Series {
		s := &g.Series[i]
		xs, from := sparkValues(s, width)
		first, last := firstAndLast(s)
		t.Rows = append(t.Rows, []sheet.Cell{{Text: s.Strategy}, {Text: metric.Named(s.Metric).Title}, {Text: sparkline(xs)},
			{Text: whole(int64(len(s.Points)))}, {Text: first}, {Text: last}, {Text: lastChange(s)}})
		if signs := changeMarks(s, from); signs != "" && !markdown {
			all := relevantChanges(s)
			t.Rows = append(t.Rows, []sheet.Cell{2: {Text: signs, Style: changeStyle(all[len(all)-1].Verdict)}, 6: {}})
		}
	}
	return t
}

// trendRows counts the groups from 1. The change columns are filled in the row of the first run after a change point.
func trendRows(t *judge.Trend) [][]string {
	rows := [][]string{{"group", "scenario", "strategy", "params", "metric", "unit", "better", "machine", "conditions",
		"created", "id", "label", "version", "commit", "value", "change", "before", "after", "delta"}}
	for i, g := range t.Groups {
		for _, s := range g.Series {
			start := len(rows)
			for _, p := range s.Points {
				rows = append(rows, []string{strconv.Itoa(i + 1), g.Scenario, s.Strategy, result.FormatPairs(s.Params), s.Metric, s.Unit, s.Better,
					g.Machine, result.FormatPairs(g.Conditions), p.Created.UTC().Format(time.RFC3339), p.ID, p.Label,
					p.Tool.Version, p.Tool.Commit, decimal(p.Value), "", "", "", ""})
			}
			for _, c := range s.Changes {
				copy(rows[start+c.At][15:], []string{string(c.Verdict), decimal(c.Before), decimal(c.After), known(c.Delta)})
			}
		}
	}
	return rows
}
