package figure

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// mostMarks is the largest number of points, times that of the panels, with which lines have markers: with more, the figure would be
// larger than the rest of a page.
const mostMarks = 600

func (panels Panels) points(add func(*Point, *Axis, string)) {
	for i := range panels {
		panel := &panels[i]
		for _, s := range panel.Series {
			where := clean(panel.Y.Label) + " of " + s.title()
			for j := range s.Points {
				add(&s.Points[j], &panel.Y, where)
			}
		}
	}
}

// hasValues reports whether there is anything to draw.
func (p *Panel) hasValues() bool {
	return slices.ContainsFunc(p.Series, func(s Series) bool {
		return slices.ContainsFunc(s.Points, func(at Point) bool { return p.Y.Scale.shows(at.Y) })
	})
}

// title is the name of a series with its variant.
func (s *Series) title() string {
	if s.Variant == "" {
		return clean(s.Name)
	}
	return clean(s.Name + ", " + s.Variant)
}

// cells collects the rows of a table: one for each series and x, with a column for each panel.
type cells struct {
	panels int
	order  []*cell
	of     map[string]*cell
}

type cell struct {
	series  string
	x       float64
	columns []string
	notes   []string
}

// set fills the cell of a point. Points of one panel that have equal texts have rows of their own.
func (t *cells) set(series, xText string, x float64, panel int, text, note string) {
	if t.of == nil {
		t.of = map[string]*cell{}
	}
	key := series + "\x00" + xText
	row := t.of[key]
	for row != nil && row.columns[2+panel] != "" {
		key += "\x00"
		row = t.of[key]
	}
	if row == nil {
		row = &cell{series, x, append([]string{series, xText}, make([]string, t.panels)...), nil}
		t.of[key] = row
		t.order = append(t.order, row)
	}
	row.columns[2+panel] = text
	if note != "" && !slices.Contains(row.notes, note) {
		row.notes = append(row.notes, note)
	}
}

// rows returns the rows by series, in the order in which those were added, and x.
func (t *cells) rows() (rows [][]string) {
	rank := map[string]int{}
	for _, row := range t.order {
		if _, ok := rank[row.series]; !ok {
			rank[row.series] = len(rank)
		}
	}
	slices.SortStableFunc(t.order, func(a, b *cell) int {
		if d := rank[a.series] - rank[b.series]; d != 0 {
			return d
		}
		return int(choose(a.x < b.x, -1.0, choose(a.x > b.x, 1.0, 0.0)))
	})
	for _, row := range t.order {
		rows = append(rows, append(row.columns, strings.Join(row.notes, "; ")))
	}
	return rows
}

func (panels Panels) header(f *Figure) []string {
	header := []string{clean(f.Of), clean(f.X.Label)}
	for i := range panels {
		header = append(header, clean(panels[i].Y.Label))
	}
	return append(header, "note")
}

func (panels Panels) table(f *Figure) (header []string, rows [][]string) {
	t := cells{panels: len(panels)}
	for i := range panels {
		for _, s := range panels[i].Series {
			for j := range s.Points {
				p := &s.Points[j]
				t.set(s.title(), f.X.format(p.X), p.X, i, valueText(&panels[i].Y, p.Y, p), clean(p.note()))
			}
		}
	}
	return panels.header(f), t.rows()
}

func (panels Panels) draw(c *canvas, f *Figure, x *scale) { panels.drawn(c, f, x, true) }

// drawn draws the panels and returns the rectangle that they take.
func (panels Panels) drawn(c *canvas, f *Figure, x *scale, marks bool) (all plot) {
	panels.legend(c, marks)
	single := choose(c.narrow(), 220.0, 290.0)
	height := func(i int) float64 { return choose(len(panels) > 1 && !panels[i].Main, 100.0, single) }
	scales, ticks := make([]*scale, len(panels)), make([][]tick, len(panels))
	left := 0.0
	for i := range panels {
		scales[i] = newScale(&panels[i].Y, values(panels, &panels[i].Y))
		ticks[i] = scales[i].ticks(height(i), func(string) float64 { return c.font + 6 })
		for _, t := range ticks[i] {
			left = max(left, textWidth(t.label, c.font))
		}
	}
	const gap, end = 8, 12
	p := plot{left: left + gap, right: c.width - max(end, panels.namesWidth(c))}
	c.referenceLabels(&p, x)
	for i := range panels {
		c.y += c.step()
		c.text("", 0, c.y-4, c.width, scales[i].label())
		p.top, p.bottom = c.y+6, c.y+6+height(i)
		c.verticals(&p, x)
		c.horizontals(&p, scales[i], ticks[i])
		for _, s := range panels[i].Series {
			c.series(&s, panels.variant(s.Variant), &p, x, scales[i], marks)
		}
		c.lineLabels(&p, x, scales[i], &panels[i])
		if panels[i].Main {
			c.lineNames(&p, x, scales[i], &panels[i])
		}
		if i == 0 {
			all = p
		}
		all.bottom, c.y = p.bottom, p.bottom+4
		if i < len(panels)-1 {
			c.hline("axis", p.left, p.right, p.bottom)
			c.y += 6
		}
	}
	c.ticksBelow(&p, x)
	return all
}

// longestName is the room for a name at the end of a line.
const longestName = 130

// namesWidth is the room to the right of the plots for the names at the ends of lines.
func (panels Panels) namesWidth(c *canvas) (room float64) {
	for i := range panels {
		for _, s := range panels[i].Series {
			if panels[i].Main {
				room = max(room, 12+textWidth(cut(clean(s.Name), longestName, c.font), c.font))
			}
		}
	}
	return room
}

// lineNames writes the name of each line beside its last point, and those of lines that end close to each other below one another.
func (c *canvas) lineNames(p *plot, x, y *scale, panel *Panel) {
	type name struct {
		at   float64
		text string
	}
	var names []name
	for _, s := range panel.Series {
		at := slices.IndexFunc(names, func(n name) bool { return n.text == s.Name })
		for _, of := range slices.Backward(s.Points) {
			if at < 0 && s.Name != "" && x.Scale.shows(of.X) && y.Scale.shows(of.Y) {
				names = append(names, name{p.y(y, of.Y), s.Name})
				break
			}
		}
	}
	slices.SortStableFunc(names, func(a, b name) int { return int(10 * (a.at - b.at)) })
	step, last := c.font+2, p.top-c.font
	for i := range names { // down from the top, then up from the bottom
		names[i].at = max(names[i].at, last+step)
		last = names[i].at
	}
	last = p.bottom + step
	for i := range slices.Backward(names) {
		names[i].at = min(names[i].at, last-step)
		last = names[i].at
		c.WriteString("<g class=\"key\"" + attr("data-series", names[i].text) + ">\n")
		c.text("", p.right+8, names[i].at+c.font*0.36, longestName, names[i].text)
		c.WriteString("</g>\n")
	}
}

// variant is the rank of a variant in the order of appearance.
func (panels Panels) variant(of string) int { return slices.Index(panels.variants(), of) }

func (panels Panels) variants() (list []string) {
	for i := range panels {
		for _, s := range panels[i].Series {
			if !slices.Contains(list, s.Variant) {
				list = append(list, s.Variant)
			}
		}
	}
	return list
}

// longestKey is the room for a name in the legend.
const longestKey = 180

// legend explains colours, dashes and markers, on as many lines as needed.
func (panels Panels) legend(c *canvas, marks bool) {
	at, begun, column := 0.0, false, 0.0 // many names stand in columns
	for i := range panels {
		for _, s := range panels[i].Series {
			if len(panels[i].Series) > 6 {
				column = max(column, 30+textWidth(cut(clean(s.Name), longestKey, c.font), c.font))
			}
		}
	}
	item := func(text string, sample float64, draw func(x, y float64), attributes string) {
		text = cut(clean(text), longestKey, c.font)
		room := max(column, sample+6+textWidth(text, c.font))
		if !begun || at+room > c.width {
			at, begun, c.y = 0, true, c.y+c.step()
		}
		c.WriteString("<g class=\"key\"" + attributes + ">\n")
		draw(at, c.y-9)
		c.text("", at+sample+6, c.y-5, c.width, text)
		c.WriteString("</g>\n")
		at += room + 16
	}
	var seen []string
	states := map[State]bool{}
	for i := range panels {
		for _, s := range panels[i].Series {
			for _, p := range s.Points {
				states[p.State] = true
			}
			if s.Name == "" || slices.Contains(seen, s.Name) {
				continue
			}
			seen = append(seen, s.Name)
			item(s.Name, 24, func(x, y float64) {
				c.hline(stroke(s.Style, 0), x, x+24, y)
				if marks && !s.Curve {
					c.mark(s.Style, Valid, x+12, y, "")
				}
			}, attr("data-series", s.Name))
		}
	}
	if list := panels.variants(); len(list) > 1 {
		for i, name := range list {
			if name == "" {
				continue // that of what is measured
			}
			item(name, 24, func(x, y float64) { c.hline("line "+colour(neutral)+choose(i > 0, " v1", ""), x, x+24, y) }, "")
		}
	}
	for state := Passing; marks && state <= Struck; state++ {
		if states[state] {
			item(state.String(), 10, func(x, y float64) { c.mark(neutral, state, x+5, y, "") }, "")
		}
	}
	if begun {
		c.y += 4
	}
}

// horizontals draws the grid and the references of the y axis.
func (c *canvas) horizontals(p *plot, y *scale, ticks []tick) {
	for _, b := range y.Bands {
		top, bottom := p.y(y, max(b.From, b.To)), p.y(y, min(b.From, b.To))
		c.rect("band", p.left, top, p.right-p.left, max(1, bottom-top), "")
	}
	grid := ""
	for _, t := range ticks {
		at := p.bottom - t.at*(p.bottom-p.top)
		grid += "M" + pairs(p.left, at) + "H" + num(p.right)
		c.text("muted end", p.left-8, at+c.font*0.36, c.width, t.label)
	}
	if grid != "" {
		c.path("grid", grid, "")
	}
	for _, l := range y.Lines {
		c.hline("ref", p.left, p.right, p.y(y, l.At))
	}
}

// lineLabels writes the labels of the references of the y axis into the plot: at the right end above the line, or at another place
// where those are free of points and of other labels.
func (c *canvas) lineLabels(p *plot, x, y *scale, panel *Panel) {
	var taken [][4]float64 // boxes: left, top, right, bottom
	for _, s := range panel.Series {
		for _, at := range s.Points {
			if x.Scale.shows(at.X) && y.Scale.shows(at.Y) {
				px, py := p.x(x, at.X), p.y(y, at.Y)
				taken = append(taken, [4]float64{px - 5, py - 5, px + 5, py + 5})
			}
		}
	}
	write := func(at float64, label string) {
		label = cut(clean(label), p.right-p.left-10, c.font)
		width := textWidth(label, c.font)
		var box [4]float64
		for i := range 4 { // right above, left above, right below, left below
			left := choose(i%2 == 0, p.right-4-width, p.left+6)
			base := choose(i < 2, at-4, at+c.font+2)
			b := [4]float64{left, base - c.font, left + width, base + 3}
			overlaps := func(t [4]float64) bool { return t[0] < b[2] && b[0] < t[2] && t[1] < b[3] && b[1] < t[3] }
			inside := b[1] >= p.top-2 && b[3] <= p.bottom+2
			if free := inside && !slices.ContainsFunc(taken, overlaps); free || i == 0 {
				box = b
				if free {
					break
				}
			}
		}
		taken = append(taken, box)
		c.text("muted halo", box[0], box[3]-3, width+1, label)
	}
	for _, l := range y.Lines {
		write(p.y(y, l.At), l.Label)
	}
	for _, b := range y.Bands {
		write(p.y(y, max(b.From, b.To))+c.step(), b.Label)
	}
}

// series draws a line and, if asked for, a marker and the interval of each point.
func (c *canvas) series(s *Series, variant int, p *plot, x, y *scale, marks bool) {
	var d, whiskers strings.Builder
	lastX, lastY, apart := 0.0, 0.0, true
	for i := range s.Points {
		at := &s.Points[i]
		if !x.Scale.shows(at.X) || !y.Scale.shows(at.Y) {
			apart = true
			continue
		}
		// Differences of rounded numbers: the errors of rounding do not add up.
		px, py := math.Round(10*p.x(x, at.X))/10, math.Round(10*p.y(y, at.Y))/10
		if apart || at.Gap {
			d.WriteString("M" + pairs(px, py) + "l0 0")
		} else {
			step := pairs(px-lastX, py-lastY)
			d.WriteString(choose(step[0] == '-', "", " ") + step)
		}
		lastX, lastY, apart = px, py, false
		if in := at.Interval; in != nil && marks && y.Scale.shows(in.High) {
			whiskers.WriteString("M" + pairs(px, p.y(y, in.Low)) + "V" + num(p.y(y, in.High)))
		}
	}
	if d.Len() > 0 {
		c.path(stroke(s.Style, variant)+choose(marks && !s.Curve, "", " thin"), d.String(), attr("data-series", s.Name))
	}
	if whiskers.Len() > 0 {
		c.path("line "+colour(s.Style), whiskers.String(), attr("data-series", s.Name))
	}
	for i := range s.Points {
		at := &s.Points[i]
		if !marks || s.Curve || !x.Scale.shows(at.X) || !y.Scale.shows(at.Y) {
			continue
		}
		px, py := p.x(x, at.X), p.y(y, at.Y)
		if at.AtLeast {
			c.path("line "+colour(s.Style), fmt.Sprintf("M%sv-16m-4 4l4-4l4 4", pairs(px, py)), attr("data-series", s.Name))
		}
		attributes := data(s.Name, x.format(at.X), valueText(y.Axis, at.Y, at), at.note())
		if s.Variant != "" {
			attributes += attr("data-variant", s.Variant)
		}
		c.mark(s.Style, at.State, px, py, attributes)
	}
}
