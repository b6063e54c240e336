package figure

import "strings"

func (r Rows) points(add func(*Point, *Axis, string)) {
	for i := range r {
		if !r[i].Empty {
			add(&r[i].Point, nil, "row "+r[i].title())
		}
	}
}

func (r Rows) reduced(*scale) (Body, string) { return r, "" }

// title is the name of a row with its variant.
func (r *Row) title() string {
	s := Series{Name: r.Name, Variant: r.Variant}
	return s.title()
}

// value is a row's value in words.
func (r *Row) value(x *Axis) string {
	if r.Empty {
		return ""
	}
	return valueText(x, r.X, &r.Point)
}

// valueText writes a value with its interval: ≥ 87× (77–92×).
func valueText(a *Axis, x float64, p *Point) string {
	s := a.format(x)
	if p.AtLeast {
		s = "≥ " + s
	}
	if p.Interval != nil {
		if span := a.Unit.Span(p.Interval.Low, p.Interval.High); span != a.format(x) {
			s += " " + choose(span[0] == '[', span, "("+span+")")
		}
	}
	return s
}

func (r Rows) table(f *Figure) (header []string, rows [][]string) {
	for i := range r {
		rows = append(rows, []string{r[i].title(), r[i].value(&f.X), clean(r[i].note())})
	}
	return []string{clean(f.Of), clean(f.X.Label), "note"}, rows
}

// text is what a row shows as text.
func (r *Row) text(x *Axis) string {
	value, note := r.value(x), clean(r.note())
	if value != "" && note != "" {
		return value + " · " + note
	}
	return value + note
}

func (r Rows) draw(c *canvas, f *Figure, x *scale) {
	names, texts := 0.0, 0.0
	for i := range r {
		names = max(names, textWidth(r[i].title(), c.font))
		texts = max(texts, textWidth(r[i].text(&f.X), c.font))
	}
	const gap, end = 10, 6
	height, p := 40.0, plot{left: end, right: c.width - end} // the text is above the row
	if !c.narrow() {
		names = min(names, max(170, 450-texts)) // names have the room that values leave
		texts = min(texts, 450-names)
		height, p = 25, plot{left: names + gap + end, right: c.width - texts - gap - end}
	}
	c.referenceLabels(&p, x)
	p.top, p.bottom = c.y, c.y+float64(len(r))*height+4
	for i := range r {
		if c.narrow() {
			bottom := p.top + 2 + float64(i+1)*height
			p.strips = append(p.strips, Interval{bottom - 22, bottom})
		}
	}
	c.verticals(&p, x)
	for i := range r {
		top := p.top + 2 + float64(i)*height
		mid, base := top+height/2, top+height/2+c.font*0.36
		c.WriteString("<g" + attr("data-series", r[i].Name) + ">\n")
		name := choose(r[i].State == Struck, "struck", "")
		class := choose(r[i].State == Struck, "alarm", "")
		if c.narrow() {
			class = strings.TrimSpace(class + " end")
			mid, base = top+height-11, top+c.font+1
			texts = min(textWidth(r[i].text(&f.X), c.font), c.width-gap-min(0.32*c.width, textWidth(r[i].title(), c.font)))
			c.text(name, 0, base, c.width-texts-gap, r[i].title())
			c.text(class, c.width, base, texts+1, r[i].text(&f.X))
		} else {
			c.text(name, 0, base, names+1, r[i].title())
			c.text(class, c.width-texts, base, texts+1, r[i].text(&f.X))
		}
		c.hline("grid", p.left, p.right, mid)
		c.row(&r[i], &p, x, mid)
		c.WriteString("</g>\n")
	}
	c.y = p.bottom
	c.ticksBelow(&p, x)
}

// row draws the interval and the marker of a row.
func (c *canvas) row(r *Row, p *plot, x *scale, y float64) {
	attributes := data(r.Name, r.value(x.Axis), r.title(), r.note())
	if r.Variant != "" {
		attributes += attr("data-variant", r.Variant)
	}
	if r.Empty {
		if r.State == Struck {
			c.mark(r.Style, Struck, p.left+6, y, attributes)
		}
		return
	}
	if in := r.Interval; in != nil && x.Scale.shows(in.High) {
		low, high := p.x(x, in.Low), p.x(x, in.High)
		d := "M" + pairs(low, y) + "H" + num(high)
		for _, end := range []float64{in.Low, in.High} { // an end beyond the axis has no cap
			if x.shows(end) {
				d += "M" + pairs(p.x(x, end), y-6) + "v12"
			}
		}
		c.path("line "+colour(r.Style), d, "")
	}
	if !x.Scale.shows(r.X) {
		return
	}
	at := p.x(x, r.X)
	if !x.shows(r.X) { // an arrow to where it is
		c.path("mark "+colour(r.Style), "M"+pairs(at, y)+choose(r.X < x.Limits.Low, "m-4 0l9-6v12z", "m4 0l-9-6v12z"), attributes)
		return
	}
	if r.AtLeast {
		c.path("line "+colour(r.Style), "M"+pairs(at, y)+"h18m-4-4l4 4l-4 4", "")
	}
	c.mark(r.Style, r.State, at, y, attributes)
}
