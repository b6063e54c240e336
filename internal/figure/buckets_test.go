package figure

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// series returns lines with so many points, one after another in x.
func series(lines, points int, y func(line, point int) float64) (list []Series) {
	for i := range lines {
		s := Series{Name: fmt.Sprintf("strategy-%d", i), Style: i}
		for j := range points {
			s.Points = append(s.Points, Point{X: float64(j) * 1e9, Y: y(i, j)})
		}
		list = append(list, s)
	}
	return list
}

func overTime(panels ...Panel) *Figure {
	return &Figure{ID: "time", Title: "Over time", Desc: "There is one peak.", Of: "strategy",
		X: Axis{Label: "time", Unit: Time}, Body: Panels(panels)}
}

func TestDownsamplingKeepsExtremes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ys := rapid.SliceOfN(rapid.Float64Range(0, 1e9), mostMarks+1, 3*mostMarks).Draw(t, "y")
		f := overTime(Panel{Y: Axis{Unit: Time}, Series: series(1, len(ys), func(_, j int) float64 { return ys[j] })})
		p, err := f.prepared()
		if err != nil {
			t.Fatal(err)
		}
		b := p.Body.(*buckets)
		kept := b.Panels[0].Series[0].Points
		if len(kept) > 2*len(b.spans) {
			t.Fatalf("%d points of %d buckets", len(kept), len(b.spans))
		}
		extremes := func(points []Point) map[int]Interval {
			of := map[int]Interval{}
			for i, p := range points {
				if i > 0 && p.X <= points[i-1].X {
					t.Errorf("x %v follows %v", p.X, points[i-1].X)
				}
				in, ok := of[b.of(p.X)]
				if !ok {
					in = Interval{p.Y, p.Y}
				}
				of[b.of(p.X)] = Interval{min(in.Low, p.Y), max(in.High, p.Y)}
			}
			return of
		}
		all, some := extremes(f.Body.(Panels)[0].Series[0].Points), extremes(kept)
		for bucket, in := range all {
			if some[bucket] != in {
				t.Errorf("bucket %d has %v, want %v", bucket, some[bucket], in)
			}
		}
	})
}

func TestDownsamplingIsNamed(t *testing.T) {
	const sentence = "Downsampled: "
	for _, test := range []struct {
		why    string
		points int
		want   bool
	}{
		{"few points", 100, false},
		{"many points", 3600, true},
	} {
		f := overTime(Panel{Y: Axis{Label: "p99", Unit: Time}, Series: series(1, test.points, func(_, j int) float64 { return float64(j % 7) })})
		svg, err := f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(svg, sentence); got != test.want {
			t.Errorf("%s: the method is named: %v", test.why, got)
		}
		if got := strings.Contains(svg, `class="hit"`); got != test.want {
			t.Errorf("%s: there are buckets: %v", test.why, got)
		}
	}
}

func TestBucketsAreRowsOfTheTable(t *testing.T) {
	f := overTime(
		Panel{Y: Axis{Label: "p99", Unit: Time}, Series: series(2, 1000, func(i, j int) float64 { return float64(1e6 * (1 + i + j%3)) })},
		Panel{Y: Axis{Label: "queue"}, Series: series(2, 1000, func(i, j int) float64 { return float64(j % 50) })},
	)
	_, rows, err := f.Table()
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]bool{}
	for _, row := range rows {
		first[row[1]] = true
	}
	svg, _ := f.SVG()
	list, _ := elements(t, svg)
	hits := 0
	for _, e := range list {
		if e.attrs["class"] == "hit" {
			hits++
			if !first[e.attrs["data-x"]] {
				t.Errorf("no row of the table has x %q", e.attrs["data-x"])
			}
		}
	}
	if hits != len(rows) || hits < mostBuckets || hits > 2*mostBuckets { // in two layouts, and of two lines
		t.Errorf("%d buckets and %d rows", hits, len(rows))
	}
	if got, want := fmt.Sprint(rows[0]), "[strategy-0 0 ns–8.00 s 1.00–3.00 ms 0–8 ]"; got != want {
		t.Errorf("the first row is %s, want %s", got, want)
	}
}

func TestSize(t *testing.T) {
	noise := func(i, j int) float64 { return 1e6 * (1.5 + math.Sin(float64(i*j*j))) }
	var six []Panel
	for i := range 6 {
		six = append(six, Panel{Y: Axis{Label: fmt.Sprint("panel ", i), Unit: Time}, Series: series(3, 3600, noise)})
	}
	for _, test := range []struct {
		why   string
		f     *Figure
		limit int
	}{
		{"30 strategies with 1,000 points", overTime(Panel{Y: Axis{Unit: Time}, Series: series(30, 1000, noise)}), 150_000},
		{"an hour of 3 strategies in 6 panels", overTime(six...), 100_000},
		{"10 strategies at 6 percentiles", overTime(Panel{Y: Axis{Unit: Time}, Series: series(10, 6, noise)}), 30_000},
	} {
		svg, err := test.f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", test.why, len(svg))
		if len(svg) > test.limit {
			t.Errorf("%s: %d bytes, want at most %d", test.why, len(svg), test.limit)
		}
	}
}
