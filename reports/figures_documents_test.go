package reports

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// columnOf returns the index of a table's column.
func columnOf(t testing.TB, table *sheet.Table, title string) int {
	t.Helper()
	at := slices.IndexFunc(table.Columns, func(c sheet.Column) bool { return c.Title == title })
	if at < 0 {
		t.Fatalf("no column %q", title)
	}
	return at
}

// figureRows returns the rows of a figure's data.
func figureRows(t testing.TB, f *figure.Figure) [][]string {
	t.Helper()
	_, rows, err := f.Table()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// The forest plot has the cells of the table of gates, in the same order, and the words of their verdicts.
func TestChangesFigureMatchesTable(t *testing.T) {
	words := map[judge.Verdict]string{judge.Passed: "passes", judge.Failing: "fails", judge.Inconclusive: "undecided"}
	for name, c := range checks(t) {
		f, gates := changesFigure(c), worstGates(c)
		if len(gates) == 0 {
			if f != nil {
				t.Errorf("%s: a figure without gates", name)
			}
			continue
		}
		table := gatesTable(c)
		rows := figureRows(t, f)
		if len(rows) != len(table.Rows) {
			t.Fatalf("%s: %d rows: want %d", name, len(rows), len(table.Rows))
		}
		for i, row := range rows {
			cell := func(title string) string { return sheet.Clean(table.Rows[i][columnOf(t, table, title)].Text) }
			if row[0] != cell("strategy")+", "+cell("metric") {
				t.Errorf("%s, row %d: %q: want %s %s", name, i, row[0], cell("strategy"), cell("metric"))
			}
			want := cell("change")
			switch g := gates[i]; {
			case g.Change == nil:
				want = "" // in the note
			case g.Lower != nil && g.Upper != nil && plus(g.Lower) != plus(g.Upper):
				want += " " + cell("bounds")
			case g.Lower != nil && g.Upper != nil && plus(g.Lower) != want:
				want += " (" + plus(g.Lower) + ")"
			}
			if row[1] != want {
				t.Errorf("%s, %s: %q: want %q as in the table", name, row[0], row[1], want)
			}
			if word := words[gates[i].Verdict]; !strings.HasPrefix(row[2], word) || cell("verdict") != string(gates[i].Verdict) {
				t.Errorf("%s, %s: %q: want %q, since the table has %q", name, row[0], row[2], word, cell("verdict"))
			}
		}
	}
}

// What the forest plot says besides the cells.
func TestChangesFigureNotes(t *testing.T) {
	noteOf := func(d judge.Duet, row string) string {
		for _, r := range figureRows(t, changesFigure(checking(t, d))) {
			if r[0] == row {
				return r[2]
			}
		}
		t.Fatalf("no row %q", row)
		return ""
	}
	few := failing()
	for _, tt := range []struct{ why, got, want string }{
		{"a fail", noteOf(few, "per-session, ops/s"), "fails"},
		{"half of the time is better", noteOf(duet(30, 2, 0.03, "sharded"), "sharded, p50"), "passes: better"},
		{"what did not change is neither", noteOf(passing(), "sharded, p50"), "passes"},
		{"a change from 0 has no ratio", noteOf(fromNothing(), "per-session, allocs/op"), "fails: 0 → 0.02"},
		{"a missing value", noteOf(lackingPercentiles(), "sharded, p50"), "undecided: no value"},
		{"bounds that are infinite", noteOf(duet(3, 1, 0.001, "sharded"), "sharded, ops/s"), "undecided"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q: want %q", tt.why, tt.got, tt.want)
		}
	}
	if tiny := checking(t, func() judge.Duet {
		d := passing()
		for i := range d.Fresh.Results {
			for j := range d.Fresh.Results[i].Trials {
				d.Fresh.Results[i].Trials[j].Usage.AllocsPerOp += 0.003
			}
		}
		return d
	}()); tiny.Verdict != judge.Passed {
		t.Fatal("a negligible difference fails")
	} else if f := changesFigure(tiny); !slices.Contains(f.Notes, "A difference below 0.01 allocs/op passes, however large a share it is.") {
		t.Errorf("a change beyond the tolerance passes without a reason: %q", f.Notes)
	}
}

// A check of many rows shows the worst, and says so. No page says that something failed unless it did.
func TestCheckPageOfManyRows(t *testing.T) {
	c := vast(t, 3, 8)
	f := changesFigure(c)
	if rows := figureRows(t, f); len(rows) != mostRows {
		t.Errorf("%d rows: want %d", len(rows), mostRows)
	}
	if want := fmt.Sprintf("The worst %d of %d comparisons; all are in the table.", mostRows, len(c.Gates())); !slices.Contains(f.Notes, want) {
		t.Errorf("notes %q: want %q", f.Notes, want)
	}
	if table := gatesTable(c); len(table.Rows) != len(c.Gates()) {
		t.Errorf("the table has %d of %d rows", len(table.Rows), len(c.Gates()))
	}
}

var tags = regexp.MustCompile(`<[^>]*>`)

// A page begins with the verdict, then has the forest plot, the machine and the command. It is as sure as the check.
func TestCheckWebPage(t *testing.T) {
	for name, c := range checks(t) {
		html := checkAs(t, "html", c, Options{})
		_, body, _ := strings.Cut(html, "<main>")
		sign := map[judge.Verdict]string{judge.Passed: "✓ PASS", judge.Inconclusive: "? INCONCLUSIVE", judge.Failing: "✗ FAIL", judge.Violated: "✗ VIOLATED"}[c.Verdict]
		if first := tags.ReplaceAllString(body[:strings.Index(body, "</h1>")], ""); !strings.HasPrefix(strings.TrimSpace(first), sign) {
			t.Errorf("%s: begins with %q: want %q", name, first, sign)
		}
		if c.Verdict == judge.Passed && strings.Contains(tags.ReplaceAllString(body, ""), "fails:") {
			t.Errorf("%s: the page of a pass has a fail", name)
		}
		last := 0
		for _, part := range []string{"<h1", `<figure id="`, "machine: ", sheet.Clean(c.Command[:20]), "What decided</a></h2>"} {
			at := strings.Index(body, part)
			if at < 0 && (part == `<figure id="` || part == "What decided</a></h2>") && len(c.Gates())+len(c.Thresholds) == 0 {
				continue // every row failed its audit
			}
			if at < last {
				t.Errorf("%s: %q is not where a reader looks for it", name, part)
			}
			last = at
		}
		if strings.ContainsAny(html, "\x1b\x00") || strings.Contains(html, "<d>") || strings.Contains(html, "n<e>w") {
			t.Errorf("%s: a name is not text", name)
		}
	}
}

// The figures of thresholds have the values, intervals and verdicts of the table.
func TestGoalFiguresMatchTable(t *testing.T) {
	for name, c := range checks(t) {
		table := thresholdsTable(c, true)
		value, verdict := 0, 0
		if len(table.Rows) > 0 {
			value, verdict = columnOf(t, table, "value"), columnOf(t, table, "verdict")
		}
		shown := 0
		for _, f := range goalFigures(c) {
			for _, row := range figureRows(t, f) {
				strategy, build, _ := strings.Cut(row[0], ", ")
				found := slices.ContainsFunc(table.Rows, func(cells []sheet.Cell) bool {
					text := sheet.Clean(cells[value].Text)
					of := map[string]string{"pass": "passes", "fail": "fails", "inconclusive": "undecided"}[strings.Trim(cells[verdict].Text, "()")]
					return cells[1].Text == strategy && strings.Contains(f.Title, cells[2].Text) && (build == "" || cells[3].Text == build) &&
						strings.HasPrefix(row[1], strings.TrimSuffix(text, "–")) && strings.HasPrefix(row[2], of)
				})
				if !found {
					t.Errorf("%s: %s: %q is not in the table", name, f.Title, row)
				}
				shown++
			}
		}
		if len(c.Thresholds) > 0 && shown == 0 {
			t.Errorf("%s: no figure of %d thresholds", name, len(c.Thresholds))
		}
	}
}

// A bound that is a multiple of another row's value is no line.
func TestRelativeThresholdsHaveNoFigure(t *testing.T) {
	c, err := judge.CheckThresholds(called("new", normal())[0], thresholds("per-session.ops_per_sec>10x global.ops_per_sec"), "check")
	if err != nil {
		t.Fatal(err)
	}
	if list := goalFigures(c); list != nil {
		t.Errorf("figures of a relative threshold: %v", list[0].Title)
	}
}

// The figure of a comparison has the changes of the tables, what got worse first, then what got better.
func TestComparisonFigureMatchesTables(t *testing.T) {
	for name, sources := range comparisons {
		c := comparing(t, sources())
		f := comparisonFigure(c)
		rows := figureRows(t, f)
		want := len(changes(c))
		if want == 0 {
			want = comparisonCount(c)
		}
		if want = min(mostRows, want); len(rows) != want {
			t.Errorf("%s: %d rows: want %d", name, len(rows), want)
		}
		rank, last := map[string]int{"worse": 1, "better": 2, "within": 3, "too": 3, "negligible": 3}, 0
		points := f.Body.(figure.Rows)
		for i, row := range rows {
			word, _, _ := strings.Cut(row[2], " ")
			if points[i].Empty {
				continue // the medians come before the word
			}
			if rank[word] < last {
				t.Errorf("%s: %v comes after others", name, row)
			}
			last = rank[word]
			found := false
			for m := range cells(c) {
				found = found || m.To.Change != nil && m.To.Change.Delta != nil && *m.To.Change.Delta == points[i].X &&
					strings.HasSuffix(row[2], changeTest(m.To.Change)) && strings.HasPrefix(row[0], sheet.Clean(m.Strategy)+", "+metric.Named(m.Table.Metric).Word()) &&
					(word == "within" || deltaText(m.From, m.To) == "~" || math.Abs(points[i].X-percentOf(t, deltaText(m.From, m.To))) < 5e-5+1e-9)
			}
			if !found {
				t.Errorf("%s: %v is in no table", name, row)
			}
		}
	}
}

// percentOf reads a change as benchstat writes it.
func percentOf(t testing.TB, text string) (x float64) {
	t.Helper()
	if _, err := fmt.Sscanf(text, "%f%%", &x); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return x / 100
}

// The figures of a history have every value, by run, and the sentences of its changes. Series that changed have panels of their own.
func TestTrendFiguresMatchTrend(t *testing.T) {
	for name, h := range histories(t) {
		trend := trendOf(t, h, judge.TrendFilter{})
		for i := range trend.Groups {
			g := &trend.Groups[i]
			figures := trendFigures(g, i, trendStyles(trend))
			f := figures[len(figures)-1]
			panels := f.Body.(figure.Panels)
			drawn, notes := 0, map[string]bool{}
			for _, panel := range panels {
				drawn += len(panelValues(&panel))
				for _, line := range panel.Series {
					for _, p := range line.Points {
						notes[p.Note] = true
					}
				}
			}
			points, series, changed := 0, 0, map[int]bool{}
			for _, s := range g.Series {
				points += len(s.Points)
				for _, c := range relevantChanges(&s) {
					changed[c.At] = true
					if !notes[changeSentence(&s, c)] {
						t.Errorf("%s: no note %q", name, changeSentence(&s, c))
					}
				}
				if len(relevantChanges(&s)) > 0 {
					series++
				}
				last := s.Points[len(s.Points)-1]
				if _, factor, _ := axisOf(s.Unit); !endsWith(panels, f.X.Names, s.Strategy, pointDate(last), factor*last.Value) {
					t.Errorf("%s: %s %s does not end with %v", name, s.Strategy, s.Metric, last.Value)
				}
			}
			if drawn != points {
				t.Errorf("%s: %d points: want %d", name, drawn, points)
			}
			if len(f.X.Lines) != len(changed) {
				t.Errorf("%s: %d lines at %d changes", name, len(f.X.Lines), len(changed))
			}
			if own := len(figures) > 1; own != (series > 0) || own && len(figures[0].Body.(figure.Panels)) != series {
				t.Errorf("%s: %d figures for %d changed series", name, len(figures), series)
			}
			for _, f := range figures {
				figureRows(t, f) // can be drawn
			}
		}
	}
}

// endsWith reports whether a strategy's line in some panel ends with a value of a run.
func endsWith(panels figure.Panels, runs []string, strategy, run string, value float64) bool {
	for _, panel := range panels {
		for _, line := range panel.Series {
			p := line.Points[len(line.Points)-1]
			if line.Name == strategy && p.Y == value && runs[int(p.X)] == run {
				return true
			}
		}
	}
	return false
}

// Runs are named by their days, or by their labels where two are of one day.
func TestRunNames(t *testing.T) {
	at := func(day int, label string) judge.TrendPoint {
		return judge.TrendPoint{Created: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC), Label: label, Tool: result.Tool{Commit: "abcdef0123456789"}}
	}
	for _, tt := range []struct {
		runs []judge.TrendPoint
		want string
	}{
		{[]judge.TrendPoint{at(1, "a"), at(2, "b")}, "[2026-01-01 2026-01-02]"},
		{[]judge.TrendPoint{at(1, "a"), at(1, ""), at(2, "c")}, "[a abcdef01 c]"},
	} {
		if got := fmt.Sprint(runNames(tt.runs)); got != tt.want {
			t.Errorf("%s: want %s", got, tt.want)
		}
	}
}

// A run without a series leaves a gap in its line.
func TestTrendFigureHasGaps(t *testing.T) {
	days := nightly(6, steady)
	days[3].Results = days[3].Results[:1]
	trend := trendOf(t, historyOf(t, days...), judge.TrendFilter{Metrics: []string{metric.Compared()[0].Name}})
	for _, line := range trendFigures(&trend.Groups[0], 0, trendStyles(trend))[0].Body.(figure.Panels)[0].Series {
		for _, p := range line.Points {
			if gap := line.Name == "per-session" && p.X == 4; p.Gap != gap {
				t.Errorf("%s, run %v: gap %v: want %v", line.Name, p.X, p.Gap, gap)
			}
		}
	}
}
