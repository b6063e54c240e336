package figure

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wideElements returns the elements of the wide layout.
func wideElements(t *testing.T, f *Figure) []element {
	t.Helper()
	p, err := f.prepared()
	if err != nil {
		t.Fatal(err)
	}
	list, _ := elements(t, p.svg(wide, "", false))
	return list
}

// TestEqualTexts: points that differ by less than their texts show are not lost in the table.
func TestEqualTexts(t *testing.T) {
	f := overTime(
		Panel{Y: Axis{Label: "p99", Unit: Time}, Series: []Series{{Name: "a", Points: []Point{{X: 1e9, Y: 5}, {X: 1e9 + 1, Y: 6}, {X: 2e9, Y: 7}}}}},
		Panel{Y: Axis{Label: "queue"}, Series: []Series{{Name: "a", Points: []Point{{X: 1e9, Y: 1}, {X: 1e9 + 1, Y: 2}, {X: 2e9, Y: 3}}}}},
	)
	_, rows, err := f.Table()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"a", "1.00 s", "5 ns", "1", ""}, {"a", "1.00 s", "6 ns", "2", ""}, {"a", "2.00 s", "7 ns", "3", ""}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestGaps: a line ends before a gap, whether or not points are left out.
func TestGaps(t *testing.T) {
	for _, test := range []struct {
		why    string
		points int
		gaps   []int
		pieces int
	}{
		{"no gap", 10, nil, 1},
		{"two gaps", 10, []int{3, 7}, 3},
		{"many points, no gap", 1200, nil, 1},
		{"many points, a gap at the first of a bucket", 1200, []int{0, 10, 600}, 0},
	} {
		f := overTime(Panel{Series: series(1, test.points, func(_, j int) float64 { return float64(j % 7) })})
		points := f.Body.(Panels)[0].Series[0].Points
		for _, i := range test.gaps {
			points[i].Gap = true
		}
		if test.pieces == 0 {
			p, _ := f.prepared()
			b := p.Body.(*buckets)
			test.pieces = 1
			for i := 1; i < len(points); i++ { // gaps at all borders of buckets are seen
				points[i].Gap = b.of(points[i].X) != b.of(points[i-1].X)
				if points[i].Gap {
					test.pieces++
				}
			}
		}
		for _, e := range wideElements(t, f) {
			if strings.HasPrefix(e.attrs["class"], "line c0") && e.attrs["data-series"] != "" {
				if n := strings.Count(e.attrs["d"], "M"); n != test.pieces {
					t.Errorf("%s: a line of %d pieces, want %d", test.why, n, test.pieces)
				}
			}
		}
	}
}

// TestHitsCoverTheirPoints: the rectangle of a bucket is where its points are drawn, also where the first and the last point of the series
// are left out.
func TestHitsCoverTheirPoints(t *testing.T) {
	f := overTime(Panel{Series: series(1, 1200, func(_, j int) float64 { return float64((j + 5) % 10) })})
	var line string
	var hits [][2]float64
	for _, e := range wideElements(t, f) {
		if e.attrs["class"] == "line c0 thin" {
			line = e.attrs["d"]
		}
		if e.attrs["class"] == "hit" {
			x, _ := strconv.ParseFloat(e.attrs["x"], 64)
			width, _ := strconv.ParseFloat(e.attrs["width"], 64)
			hits = append(hits, [2]float64{x, x + width})
		}
	}
	numbers := regexp.MustCompile(`-?\d+(?:\.\d+)?`).FindAllString(line, -1)
	x, at := 0.0, 0
	for i := 0; i < len(numbers); i += 2 {
		step, _ := strconv.ParseFloat(numbers[i], 64)
		x += step
		for at < len(hits) && x > hits[at][1]+0.2 {
			at++
		}
		if i == 2 { // "l0 0" after the first point
			continue
		}
		if at == len(hits) || x < hits[at][0]-0.2 {
			t.Fatalf("a point at %v is in no rectangle", x)
		}
	}
	if at != len(hits)-1 {
		t.Errorf("the last point is in rectangle %d of %d", at+1, len(hits))
	}
}

// TestGoalLabelAvoidsPoints: the label of a line is at the end where no points are.
func TestGoalLabelAvoidsPoints(t *testing.T) {
	for _, test := range []struct {
		why    string
		at     []float64 // x of points on the line
		inside string    // where the label begins
	}{
		{"points in the middle", []float64{50}, "right"},
		{"points at the right end", []float64{95, 97, 99, 100}, "left"},
		{"points at both ends", []float64{0, 5, 10, 50, 90, 95, 100}, "right"},
	} {
		s := Series{Name: "a", Points: []Point{{X: 0, Y: 0}, {X: 100, Y: 100}}}
		for _, x := range test.at {
			s.Points = append(s.Points, Point{X: x, Y: 53})
		}
		f := overTime(Panel{Y: Axis{Lines: []Line{{50, "goal"}}}, Series: []Series{s}})
		p, err := f.prepared()
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`<text class="muted halo" x="([\d.]+)" y="[\d.]+">goal`).FindStringSubmatch(p.svg(wide, "", false))
		if found == nil {
			t.Fatalf("%s: no label", test.why)
		}
		x, _ := strconv.ParseFloat(found[1], 64)
		if got := choose(x < wide.width/2, "left", "right"); got != test.inside {
			t.Errorf("%s: the label is at the %s end, want %s", test.why, got, test.inside)
		}
	}
}

// TestLegend: each name has one item, and states and variants that occur are explained.
func TestLegend(t *testing.T) {
	f := lines()
	var got []string
	svg, err := f.SVG()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range regexp.MustCompile(`(?s)<g class="key"([^>]*)>.*?<text[^>]*>([^<]*)`).FindAllStringSubmatch(svg, -1) {
		got = append(got, fmt.Sprint(strings.TrimSpace(key[1]), " ", key[2]))
	}
	want := []string{`data-series="sharded" sharded`, `data-series="global" global`,
		" response time", " service time", " passes", " fails", " undecided", " violation"}
	if diff := cmp.Diff(append(want, want...), got); diff != "" { // in two layouts
		t.Errorf("legend (-want +got):\n%s", diff)
	}
}
