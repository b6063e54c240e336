// Package figure draws figures: data (series, intervals, axes, units, reference values) in, SVG out, and the same data as a table.
//
// The standard library draws. gonum.org/v1/plot has the marks and axes that are needed, but its SVG has colours in each element and
// neither titles nor values, and it adds 7.9 MB to the binary; go-analyze/charts adds 2.8 MB and has no intervals, no logarithmic axis
// that its charts can use, and no titles or values either. With both, a renderer for accessible SVG would have to be written.
//
// An SVG has classes and no colours; [CSS] has the colours, for light and dark. There is no script in it. What a page's script needs
// is in attributes. All that belongs to a name has data-series: rows, lines, and the items of class key in the legend. The mark of a point also
// has data-x and data-y, the formatted values as in [Figure.Table], and where there are any data-note and data-variant. In rows,
// data-y is the name with the variant. Where lines have too many points for marks, a rectangle of class hit stands for each bucket of points: its
// data-x is that of the bucket's rows in the table.
package figure

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
)

// Figure is a figure. Equal figures are drawn as equal text.
type Figure struct {
	ID    string // begins the ids of its elements: letters, digits and hyphens; unique on a page
	Title string // what it shows
	Desc  string // the data in one sentence, for those who do not see it
	Of    string // what a row or a series is, as the title of a column: strategy
	X     Axis
	Body  Body
	Notes []string // sentences below the figure
}

// Body is what a figure draws above its x axis: [Rows] or [Panels].
type Body interface {
	// points calls add with each point, the axis of its Y, nil for rows, and where it is.
	points(add func(p *Point, y *Axis, where string))
	// reduced returns the body with few enough points to be drawn, and a sentence that names the method, if there was one.
	reduced(x *scale) (Body, string)
	draw(c *canvas, f *Figure, x *scale)
	table(f *Figure) (header []string, rows [][]string)
}

// Rows has a row for each point: a name, a marker at X, the interval of X as a horizontal line, and both as text. Y is unused.
type Rows []Row

// Row is a point of Rows.
type Row struct {
	Name    string // rows of one name are hidden and shown together
	Variant string // what tells rows of this name apart
	Style   int    // see Series
	Empty   bool   // there is no value: only the name and the note are shown
	Point
}

// Panels are stacked plots of lines over the same x axis.
type Panels []Panel

// Panel is a plot of lines.
type Panel struct {
	Y      Axis
	Series []Series
	Main   bool // higher than the others, with the names of the lines at their ends
}

// Series is a line.
type Series struct {
	Name    string
	Variant string // of the values of this name: service time, beside response time. The second variant of a figure is dashed
	Style   int    // colour, marker and dashes: those of one name are the same in all figures of a page. At least 0
	Points  []Point
	Curve   bool // computed: a line without markers
}

// Point is a value of Y at X. Neither is infinite or not a number.
type Point struct {
	X, Y     float64
	Interval *Interval // of Y, or of X in rows
	AtLeast  bool      // the value is a lower bound
	Gap      bool      // no line leads to this point
	State    State
	Note     string
}

// Interval is an interval around a value.
type Interval struct{ Low, High float64 }

// State is what is known about a point besides its value. It changes the marker.
type State int

// The states of points.
const (
	Valid     State = iota
	Passing         // meets the goal
	Failing         // misses the goal
	Undecided       // neither
	Saturated       // the store did not keep up
	Unranked        // measured, but not comparable with the others
	Struck          // there was a violation, so the value does not count
)

var stateWords = [...]string{Passing: "passes", Failing: "fails", Undecided: "undecided", Saturated: "saturated", Unranked: "not ranked", Struck: "violation"}

func (s State) String() string { return stateWords[s] }

// note is the note of a point, with the state in words.
func (p *Point) note() string {
	switch state := p.State.String(); {
	case state == "" || p.Note == state:
		return p.Note
	case p.Note == "":
		return state
	default:
		return state + ": " + p.Note
	}
}

var legalID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// check returns an error for a figure that cannot be drawn.
func (f *Figure) check() (err error) {
	if !legalID.MatchString(f.ID) {
		return fmt.Errorf("figure %q: want an id of letters, digits and hyphens", f.ID)
	}
	if f.Body == nil {
		return fmt.Errorf("figure %s: want rows or panels", f.ID)
	}
	reject := func(where, what string, x any) {
		err = errors.Join(err, fmt.Errorf("figure %s, %s: %s %v cannot be drawn", f.ID, where, what, x))
	}
	checkAxis := func(a *Axis) {
		for _, x := range a.references() {
			if !a.Scale.defined(x) {
				reject("axis "+a.Label, "reference", x)
			}
		}
		if in := a.Limits; in != nil && !(a.Scale.defined(in.Low) && a.Scale.defined(in.High) && in.Low < in.High) {
			reject("axis "+a.Label, "range", fmt.Sprint(in.Low, " to ", in.High))
		}
	}
	checkAxis(&f.X)
	if panels, ok := f.Body.(Panels); ok {
		for i := range panels {
			checkAxis(&panels[i].Y)
		}
	}
	f.Body.points(func(p *Point, y *Axis, where string) {
		if !f.X.Scale.defined(p.X) {
			reject(where, "x", p.X)
		}
		along := &f.X
		if y != nil {
			along = y
			if !y.Scale.defined(p.Y) {
				reject(where, "y", p.Y)
			}
		}
		if in := p.Interval; in != nil && !(along.Scale.defined(in.Low) && along.Scale.defined(in.High) && in.Low <= in.High) {
			reject(where, "interval", fmt.Sprint(in.Low, " to ", in.High))
		}
	})
	return err
}

// values returns the values of the points along the axis: of Y, or of X if the axis is nil, with intervals where they are along it.
func values(b Body, of *Axis) (list []float64) {
	b.points(func(p *Point, y *Axis, _ string) {
		if of != nil && of != y {
			return
		}
		if of == nil {
			list = append(list, p.X)
		} else {
			list = append(list, p.Y)
		}
		if p.Interval != nil && of == y {
			list = append(list, p.Interval.Low, p.Interval.High)
		}
	})
	return list
}

// excluded is the number of points that are not on the figure because a logarithmic axis has no place for them.
func excluded(b Body, x *Axis) (n int) {
	b.points(func(p *Point, y *Axis, _ string) {
		if !x.Scale.shows(p.X) || y != nil && !y.Scale.shows(p.Y) {
			n++
		}
	})
	return n
}

// scale returns the scale of the x axis.
func (f *Figure) scale() *scale { return newScale(&f.X, values(f.Body, nil)) }

// prepared returns the figure with few enough points to be drawn, and with notes on what is different from the data.
func (f *Figure) prepared() (*Figure, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	p := *f
	p.Notes = slices.Clone(f.Notes)
	note := func(s string) {
		if s != "" {
			p.Notes = append(p.Notes, s)
		}
	}
	if n := excluded(f.Body, &f.X); n == 1 {
		note("1 value is 0 or less and not on the logarithmic axis.")
	} else if n > 1 {
		note(fmt.Sprintf("%d values are 0 or less and not on the logarithmic axis.", n))
	}
	var method string
	if panels, ok := f.Body.(Panels); ok {
		var kept Panels
		for i := range panels {
			if panels[i].hasValues() {
				kept = append(kept, panels[i])
			} else {
				note(clean(panels[i].Y.Label) + ": no values.")
			}
		}
		p.Body = kept
	}
	p.Body, method = p.Body.reduced(f.scale())
	note(method)
	return &p, nil
}

// Table returns the figure's data with the titles of the columns. The cells are those of the attributes of marks. The error is that
// of [Figure.SVG].
func (f *Figure) Table() (header []string, rows [][]string, err error) {
	p, err := f.prepared()
	if err != nil {
		return nil, nil, err
	}
	header, rows = p.Body.table(p)
	return header, rows, nil
}

// finite reports whether x is a number.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
