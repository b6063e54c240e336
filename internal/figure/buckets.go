package figure

import (
	"fmt"
	"math"
)

// buckets are panels of which each series has at most two points in each bucket of the x axis: the least and the greatest, in the
// order of x. So no peak is lost. (Largest-Triangle-Three-Buckets, Steinarsson 2013, keeps the visual shape and may drop the
// extremes of a bucket, which is where a tail latency is.)
type buckets struct {
	Panels
	x     *scale
	spans []Interval // of the x of each bucket's points; Low > High: no points
}

// The number of buckets depends on the number of lines, since each is a row of the table for each line.
const (
	mostBuckets    = 120
	leastBuckets   = 24
	rowsOfAllLines = 900
)

func (panels Panels) reduced(x *scale) (Body, string) {
	lines, all := 1, 0
	for i := range panels {
		lines = max(lines, len(panels[i].Series))
		for _, s := range panels[i].Series {
			all += len(s.Points)
		}
	}
	if all <= mostMarks/max(1, len(panels)) {
		return panels, ""
	}
	b := &buckets{make(Panels, len(panels)), x, make([]Interval, min(mostBuckets, max(leastBuckets, rowsOfAllLines/lines)))}
	for i := range b.spans {
		b.spans[i] = Interval{math.Inf(1), math.Inf(-1)}
	}
	kept := 0
	for i, panel := range panels {
		b.Panels[i].Y = panel.Y
		for _, s := range panel.Series {
			s.Points = b.reduce(s.Points)
			kept += len(s.Points)
			b.Panels[i].Series = append(b.Panels[i].Series, s)
		}
	}
	if kept == all {
		return b, ""
	}
	const how = "Downsampled: of each of %d buckets the minimum and the maximum are shown (min-max), so peaks are kept."
	return b, fmt.Sprintf(how, len(b.spans))
}

// of returns the bucket of x.
func (b *buckets) of(x float64) int { return min(len(b.spans)-1, int(b.x.at(x)*float64(len(b.spans)))) }

// reduce returns the least and the greatest point of each bucket.
func (b *buckets) reduce(points []Point) (kept []Point) {
	for begin := 0; begin < len(points); {
		bucket, least, greatest, end := b.of(points[begin].X), begin, begin, begin
		for ; end < len(points) && b.of(points[end].X) == bucket; end++ {
			if points[end].Y < points[least].Y {
				least = end
			}
			if points[end].Y > points[greatest].Y {
				greatest = end
			}
			span := &b.spans[bucket]
			span.Low, span.High = min(span.Low, points[end].X), max(span.High, points[end].X)
		}
		first, second := min(least, greatest), max(least, greatest)
		kept = append(kept, points[first])
		kept[len(kept)-1].Gap = points[begin].Gap
		if first != second {
			kept = append(kept, points[second])
		}
		begin = end
	}
	return kept
}

// label is the x of a bucket in words.
func (b *buckets) label(i int) string {
	if len(b.x.Names) > 0 {
		from, to := b.x.format(b.spans[i].Low), b.x.format(b.spans[i].High)
		return from + choose(from == to, "", "–"+to)
	}
	return b.x.Unit.Span(b.spans[i].Low, b.spans[i].High)
}

func (b *buckets) reduced(*scale) (Body, string) { return b, "" }

func (b *buckets) table(f *Figure) (header []string, rows [][]string) {
	t := cells{panels: len(b.Panels)}
	for i := range b.Panels {
		y := &b.Panels[i].Y
		for _, s := range b.Panels[i].Series {
			for j := 0; j < len(s.Points); {
				p := s.Points[j]
				bucket, low, high := b.of(p.X), p.Y, p.Y
				for ; j < len(s.Points) && b.of(s.Points[j].X) == bucket; j++ {
					low, high = min(low, s.Points[j].Y), max(high, s.Points[j].Y)
					p.AtLeast = p.AtLeast || s.Points[j].AtLeast
				}
				text := choose(p.AtLeast, "≥ ", "") + y.Unit.Span(low, high)
				t.set(s.title(), b.label(bucket), b.spans[bucket].Low, i, text, clean(p.note()))
			}
		}
	}
	return b.header(f), t.rows()
}

func (b *buckets) draw(c *canvas, f *Figure, _ *scale) {
	all := b.drawn(c, f, b.x, false)
	width := (all.right - all.left) / float64(len(b.spans))
	for i, span := range b.spans {
		if span.Low <= span.High {
			c.rect("hit", all.left+float64(i)*width, all.top, width, all.bottom-all.top, attr("data-x", b.label(i)))
		}
	}
}
