package figure

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// lines is a figure with two variants, a goal and all states of points.
func lines() *Figure {
	points := func(factor float64) []Point {
		return []Point{
			{X: 1000, Y: 1e6 * factor, State: Passing, Interval: &Interval{0.9e6 * factor, 1.2e6 * factor}},
			{X: 2000, Y: 4e6 * factor, State: Undecided},
			{X: 4000, Y: 3e7 * factor, State: Failing, Note: "p99 is 30 ms", AtLeast: true},
		}
	}
	return &Figure{
		ID: "rates", Title: "p99 by offered rate", Desc: "sharded passes up to 1.00k.", Of: "strategy",
		X: Axis{Label: "offered rate", Lines: []Line{{3000, "limit"}}},
		Body: Panels{{
			Y: Axis{Label: "p99", Unit: Time, Scale: Log, Lines: []Line{{5e6, "goal: p99<5ms"}}, Bands: []Band{{4e6, 6e6, "tolerance"}}},
			Series: []Series{
				{Name: "sharded", Variant: "response time", Style: 1, Points: points(1)},
				{Name: "sharded", Variant: "service time", Style: 1, Points: points(0.5)},
				{Name: "global", Variant: "response time", Points: []Point{{X: 1000, Y: 0}, {X: 2000, Y: 9e6, State: Struck}}},
			},
		}},
	}
}

// scaled has a main panel, with names at the ends of lines that meet, a curve, and a smaller panel.
func scaled() *Figure {
	points := func(y func(x float64) float64) (list []Point) {
		for x := 1.; x <= 64; x *= 4 {
			list = append(list, Point{X: x, Y: y(x), Interval: &Interval{0.8 * y(x), 1.3 * y(x)}})
		}
		return list
	}
	return &Figure{
		ID: "sweep", Title: "throughput over users", Desc: "global does not scale.", Of: "strategy",
		X: Axis{Label: "users", Scale: Log, Lines: []Line{{9, "sharded overtakes global: 9 users (5–14)"}}, Bands: []Band{{5, 14, ""}}},
		Body: Panels{{
			Y: Axis{Label: "operations per second", Scale: Log}, Main: true,
			Series: []Series{
				{Name: "global", Points: points(func(float64) float64 { return 1000 })},
				{Name: "sharded", Style: 1, Points: points(func(x float64) float64 { return 110 * x })},
				{Name: "ideal", Style: neutral, Curve: true, Points: points(func(x float64) float64 { return 112 * x })},
				{Name: "sharded", Variant: "law", Style: 1, Curve: true, Points: points(func(x float64) float64 { return 111 * x })},
			},
		}, {
			Y:      Axis{Label: "p99", Unit: Time, Scale: Log},
			Series: []Series{{Name: "global", Points: points(func(x float64) float64 { return 1e6 * x })}},
		}},
	}
}

func TestGolden(t *testing.T) {
	for _, f := range []*Figure{dots(), lines(), scaled()} {
		got, err := f.File()
		if err != nil {
			t.Fatal(err)
		}
		got = regexp.MustCompile(`(?s)<style>.*</style>`).ReplaceAllString(got, "<style>…</style>") // that of CSS
		path := filepath.Join("testdata", f.ID+".svg")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (- wanted, + written; -update rewrites it):\n%s", path, diff)
		}
	}
}

// anyFigure draws a figure of any body, axes, values and texts.
func anyFigure(t *rapid.T) *Figure {
	text := rapid.StringN(0, 40, 200)
	axis := func(name string) Axis {
		return Axis{Label: text.Draw(t, name), Unit: Unit(rapid.IntRange(0, int(Bytes)).Draw(t, "unit")),
			Scale: Scale(rapid.IntRange(0, 1).Draw(t, "scale")), Zero: rapid.Bool().Draw(t, "zero"),
			Lines: []Line{{rapid.Float64Range(0, 1e6).Draw(t, "line"), text.Draw(t, "line")}}}
	}
	value := rapid.OneOf(rapid.Float64Range(-1e12, 1e12), rapid.Float64Range(0, 1), rapid.Just(0.0))
	point := func(along float64) Point {
		p := Point{State: State(rapid.IntRange(0, int(Struck)).Draw(t, "state")), AtLeast: rapid.Bool().Draw(t, "at least"),
			Note: text.Draw(t, "note"), Gap: rapid.Bool().Draw(t, "gap")}
		if rapid.Bool().Draw(t, "interval") {
			p.Interval = &Interval{along - 1, along + rapid.Float64Range(0, 1e6).Draw(t, "above")}
		}
		return p
	}
	f := &Figure{ID: "any", Title: text.Draw(t, "title"), Desc: text.Draw(t, "desc"), Of: "strategy", X: axis("x"),
		Notes: []string{text.Draw(t, "note")}}
	if rapid.Bool().Draw(t, "rows") {
		var rows Rows
		for i := range rapid.IntRange(0, 8).Draw(t, "number") {
			x := value.Draw(t, "x")
			row := Row{Name: text.Draw(t, "name"), Style: i, Empty: rapid.Bool().Draw(t, "empty"), Point: point(x)}
			row.X = x
			rows = append(rows, row)
		}
		f.Body = rows
		return f
	}
	var panels Panels
	for range rapid.IntRange(0, 3).Draw(t, "panels") {
		panel := Panel{Y: axis("y"), Main: rapid.Bool().Draw(t, "main")}
		for i := range rapid.IntRange(0, 4).Draw(t, "series") {
			s := Series{Name: text.Draw(t, "name"), Variant: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "variant"), Style: i,
				Curve: rapid.Bool().Draw(t, "curve")}
			for j := range rapid.IntRange(0, 90).Draw(t, "points") {
				y := value.Draw(t, "y")
				p := point(y)
				p.X, p.Y = float64(j), y
				s.Points = append(s.Points, p)
			}
			panel.Series = append(panel.Series, s)
		}
		panels = append(panels, panel)
	}
	f.Body = panels
	return f
}

var (
	lengths = regexp.MustCompile(`NaN|Inf|e[+-]\d`)
	ids     = map[string]bool{"any-wide-title": true, "any-wide-desc": true, "any-narrow-title": true, "any-narrow-desc": true}
)

// TestAnyFigure: figures are well-formed, the same each time, within their edges, and their values are in the table.
func TestAnyFigure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFigure(t)
		svg, err := f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := f.SVG(); again != svg {
			t.Error("the second SVG is different")
		}
		_, rows, err := f.Table()
		if err != nil {
			t.Fatal(err)
		}
		inTable := map[string]bool{}
		for _, row := range rows {
			for _, cell := range row {
				inTable[cell] = true
			}
		}
		list, _ := elements(t, svg)
		seen, right := map[string]bool{}, 0.0
		for _, e := range list {
			if id := e.attrs["id"]; id != "" && (seen[id] || !ids[id]) {
				t.Errorf("unexpected id %s", id)
			}
			seen[e.attrs["id"]] = true
			if e.name == "svg" {
				right, _ = strconv.ParseFloat(strings.Fields(e.attrs["viewBox"])[2], 64)
			}
			for _, name := range []string{"d", "x", "y", "width", "height", "viewBox"} {
				if lengths.MatchString(e.attrs[name]) {
					t.Errorf("%s has %s %q", e.name, name, e.attrs[name])
				}
			}
			if x, err := strconv.ParseFloat(e.attrs["x"], 64); err == nil && (x < 0 || x > right) {
				t.Errorf("%s is at %v of %v", e.name, x, right)
			}
			for _, name := range []string{"data-x", "data-y"} {
				if value, ok := e.attrs[name]; ok && !inTable[value] {
					t.Errorf("%s %q is not in the table", name, value)
				}
			}
		}
	})
}

// TestTableEqualsMarks: the rows of the table are those of the marks.
func TestTableEqualsMarks(t *testing.T) {
	for _, test := range []struct {
		f      *Figure
		header []string
		rows   [][]string
		marks  []string // series, x, y and note
	}{
		{dots(), []string{"strategy", "× baseline", "note"}, [][]string{
			{"sharded", "41× (39–42×)", ""},
			{"global", "1.00×", "before"},
			{"slow", "≥ 20×", "saturated"},
			{"no-lock", "", "violation: lost update"},
		}, []string{
			"sharded|41× (39–42×)|sharded|",
			"global|1.00×|global|before",
			"slow|≥ 20×|slow|saturated",
			"no-lock||no-lock|violation: lost update",
		}},
		{lines(), []string{"strategy", "offered rate", "p99", "note"}, [][]string{
			{"sharded, response time", "1.00k", "1.00 ms (900 µs–1.20 ms)", "passes"},
			{"sharded, response time", "2.00k", "4.00 ms", "undecided"},
			{"sharded, response time", "4.00k", "≥ 30.0 ms", "fails: p99 is 30 ms"},
			{"sharded, service time", "1.00k", "500 µs (450–600 µs)", "passes"},
			{"sharded, service time", "2.00k", "2.00 ms", "undecided"},
			{"sharded, service time", "4.00k", "≥ 15.0 ms", "fails: p99 is 30 ms"},
			{"global, response time", "1.00k", "0 ns", ""},
			{"global, response time", "2.00k", "9.00 ms", "violation"},
		}, []string{
			"sharded|1.00k|1.00 ms (900 µs–1.20 ms)|passes",
			"sharded|2.00k|4.00 ms|undecided",
			"sharded|4.00k|≥ 30.0 ms|fails: p99 is 30 ms",
			"sharded|1.00k|500 µs (450–600 µs)|passes",
			"sharded|2.00k|2.00 ms|undecided",
			"sharded|4.00k|≥ 15.0 ms|fails: p99 is 30 ms",
			"global|2.00k|9.00 ms|violation",
		}},
	} {
		header, rows, err := test.f.Table()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append([][]string{test.header}, test.rows...), append([][]string{header}, rows...)); diff != "" {
			t.Errorf("table of %s (-want +got):\n%s", test.f.ID, diff)
		}
		svg, _ := test.f.SVG()
		list, _ := elements(t, svg)
		var marks []string
		for _, e := range list {
			if y, ok := e.attrs["data-y"]; ok {
				marks = append(marks, strings.Join([]string{e.attrs["data-series"], e.attrs["data-x"], y, e.attrs["data-note"]}, "|"))
			}
		}
		if diff := cmp.Diff(slices.Concat(test.marks, test.marks), marks); diff != "" { // in two layouts
			t.Errorf("marks of %s (-want +got):\n%s", test.f.ID, diff)
		}
	}
}

func TestNotes(t *testing.T) {
	const (
		one  = "1 value is 0 or less and not on the logarithmic axis."
		none = "queue: no values."
	)
	f := lines()
	f.Notes = []string{"Six trials."}
	f.Body = append(f.Body.(Panels), Panel{Y: Axis{Label: "queue"}, Series: []Series{{Name: "global"}}})
	svg, err := f.SVG()
	if err != nil {
		t.Fatal(err)
	}
	_, text := elements(t, svg)
	for _, want := range []string{"Six trials.", one, none} {
		if strings.Count(text, want) != 4 { // as text and in the description, in two layouts
			t.Errorf("the note %q occurs %d times, want 4", want, strings.Count(text, want))
		}
	}
	f.Body.(Panels)[0].Y.Scale = Linear
	if svg, _ = f.SVG(); strings.Contains(svg, one) {
		t.Error("0 is said not to be on a linear axis")
	}
}

// TestCSS: there is a rule for each class and a value for each property, in files for light and dark, and no fixed colours.
func TestCSS(t *testing.T) {
	css := CSS()
	for _, used := range regexp.MustCompile(`var\((--fig-\w+)\)`).FindAllStringSubmatch(css, -1) {
		if n := strings.Count(css, used[1]+":"); n != 2 {
			t.Errorf("%s is defined %d times, want light and dark", used[1], n)
		}
	}
	var many Panels
	for _, s := range series(30, 2, func(i, j int) float64 { return float64(i + j) }) {
		many = append(many, Panel{Series: []Series{s}})
	}
	long := Panel{Series: series(1, 1000, func(_, j int) float64 { return float64(j) })}
	for _, f := range []*Figure{dots(), lines(), overTime(many...), overTime(long)} {
		svg, err := f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		list, _ := elements(t, svg)
		for _, e := range list {
			for class := range strings.FieldsSeq(e.attrs["class"]) {
				if !strings.Contains(css, "."+class) && class != "key" {
					t.Errorf("class %s has no rule", class)
				}
			}
			if e.attrs["fill"]+e.attrs["stroke"]+e.attrs["style"] != "" {
				t.Errorf("%s has a fixed colour", e.name)
			}
		}
		file, _ := f.File()
		for _, want := range []string{
			`<?xml version="1.0"`, `xmlns="http://www.w3.org/2000/svg"`, `role="img"`, "<style>", "prefers-color-scheme:dark", `class="back"`,
		} {
			if strings.Count(file, want) != 1 {
				t.Errorf("%q occurs %d times in the file of %s, want once", want, strings.Count(file, want), f.ID)
			}
		}
		elements(t, file)
	}
}

// TestLimits: a value beyond the limits is an arrow, and the value is text.
func TestLimits(t *testing.T) {
	draw := func(limits *Interval) (marks []string, svg string) {
		f := &Figure{ID: "change", X: Axis{Unit: Change, Limits: limits}, Body: Rows{
			{Name: "allocs", Point: Point{X: 249, Interval: &Interval{0.1, 300}}},
			{Name: "ops", Point: Point{X: 0.05, Interval: &Interval{0.05, 0.05}}},
		}}
		svg, err := f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		list, _ := elements(t, svg)
		for _, e := range list {
			if e.attrs["data-x"] != "" {
				marks = append(marks, e.attrs["data-x"])
			}
		}
		return marks[:2], svg
	}
	all, without := draw(nil)
	limited, within := draw(&Interval{-0.2, 0.2})
	if diff := cmp.Diff([]string{"+24900% [+10.0%, +30000%]", "+5.0%"}, all); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(all, limited); diff != "" {
		t.Errorf("values with limits (-without +with):\n%s", diff)
	}
	const arrow, end = "m4 0l-9-6v12z", "v12" // in two layouts
	for _, test := range []struct {
		why, svg     string
		arrows, ends int
	}{{"without limits", without, 0, 8}, {"with limits", within, 2, 6}} {
		arrows := strings.Count(test.svg, arrow)
		if ends := strings.Count(test.svg, end) - arrows; arrows != test.arrows || ends != test.ends {
			t.Errorf("%s: %d arrows and %d ends of intervals, want %d and %d", test.why, arrows, ends, test.arrows, test.ends)
		}
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		text string
		room float64
		want string
	}{
		{"sharded", 100, "sharded"},
		{"sharded by the hash of the id", 100, "sharded by t…"},
		{"sharded", 1, ""},
		{"漢字漢字漢字漢字", 60, "漢字漢…"},
		{"", 10, ""},
	} {
		if got := cut(test.text, test.room, fontSize); got != test.want {
			t.Errorf("%q cut to %v: %q, want %q", test.text, test.room, got, test.want)
		}
	}
	f := dots()
	f.Body.(Rows)[0].Name = strings.Repeat("very long ", 20) + "name"
	svg, _ := f.SVG()
	if _, text := elements(t, svg); strings.Count(text, f.Body.(Rows)[0].Name) != 2 {
		t.Error("the whole name is not in the titles of both layouts")
	}
}

// Rows of one name belong together and have titles of their own, in the figure and in its table.
func TestVariantsOfRows(t *testing.T) {
	f := &Figure{ID: "rows", Of: "metric", Body: Rows{
		{Name: "sharded", Variant: "p50", Point: Point{X: 1}}, {Name: "sharded", Variant: "p99", Point: Point{X: 2}}, {Name: "global", Point: Point{X: 3}},
	}}
	_, rows, err := f.Table()
	if err != nil {
		t.Fatal(err)
	}
	svg, _ := f.SVG()
	list, _ := elements(t, svg)
	var marks [][]string
	for _, e := range list {
		if y, ok := e.attrs["data-y"]; ok && len(marks) < len(rows) {
			marks = append(marks, []string{e.attrs["data-series"], e.attrs["data-variant"], y})
		}
	}
	for i, want := range [][]string{{"sharded", "p50", "sharded, p50"}, {"sharded", "p99", "sharded, p99"}, {"global", "", "global"}} {
		if diff := cmp.Diff(want, marks[i]); diff != "" || rows[i][0] != want[2] {
			t.Errorf("%q: %s", rows[i], diff)
		}
	}
}

// Names have the room that short values leave, and are cut where the values need it.
func TestNamesHaveRoomThatValuesLeave(t *testing.T) {
	const name = "sharded:shards=16, allocs/op"
	for note, want := range map[string]bool{"fails": true, strings.Repeat("a long note ", 5): false} {
		svg, err := (&Figure{ID: "rows", Body: Rows{{Name: "sharded:shards=16", Variant: "allocs/op", Point: Point{X: 1, Note: note}}}}).File()
		if err != nil {
			t.Fatal(err)
		}
		if whole := strings.Contains(svg, ">"+name+"</text>"); whole != want {
			t.Errorf("%q: the whole name is shown: %v, want %v", note, whole, want)
		}
	}
}
