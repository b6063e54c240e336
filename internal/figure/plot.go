package figure

import "slices"

// plot is the rectangle between the axes.
type plot struct {
	left, right, top, bottom float64
	strips                   []Interval // of y, in which vertical lines are drawn; none: all of it
}

func (p *plot) x(s *scale, x float64) float64 { return p.left + s.at(x)*(p.right-p.left) }
func (p *plot) y(s *scale, y float64) float64 { return p.bottom - s.at(y)*(p.bottom-p.top) }

// referenceLabels writes the labels of the references of the x axis above the plot, on as many lines as they need.
func (c *canvas) referenceLabels(p *plot, x *scale) {
	type label struct {
		at   float64
		text string
	}
	var list []label
	for _, l := range x.Lines {
		list = append(list, label{p.x(x, l.At), clean(l.Label)})
	}
	for _, b := range x.Bands {
		list = append(list, label{(p.x(x, b.From) + p.x(x, b.To)) / 2, clean(b.Label)})
	}
	list = slices.DeleteFunc(list, func(l label) bool { return l.text == "" })
	slices.SortStableFunc(list, func(a, b label) int { return int(10 * (a.at - b.at)) })
	var ends []float64 // of each line
	for _, l := range list {
		half := min(textWidth(l.text, c.font), c.width) / 2
		at := min(max(l.at, half), c.width-half)
		line := 0
		for line < len(ends) && ends[line] > at-half {
			line++
		}
		if line == len(ends) {
			ends = append(ends, 0)
		}
		ends[line] = at + half + 8
		c.text("muted mid", at, c.y+float64(line+1)*c.step()-5, c.width, l.text)
	}
	c.y += float64(len(ends)) * c.step()
}

// verticals draws the grid and the references of the x axis.
func (c *canvas) verticals(p *plot, x *scale) {
	for _, b := range x.Bands {
		from, to := p.x(x, min(b.From, b.To)), p.x(x, max(b.From, b.To))
		p.vertical(c, "band", func(top, bottom float64) string {
			return "M" + pairs(from, top) + "H" + num(max(from+1, to)) + "V" + num(bottom) + "H" + num(from) + "z"
		})
	}
	var grid, references []float64
	for _, t := range c.ticksOf(p, x) {
		grid = append(grid, p.left+t.at*(p.right-p.left))
	}
	for _, l := range x.Lines {
		references = append(references, p.x(x, l.At))
	}
	p.lines(c, "grid", grid)
	p.lines(c, "ref", references)
}

// lines draws vertical lines as one path.
func (p *plot) lines(c *canvas, class string, at []float64) {
	if len(at) > 0 {
		p.vertical(c, class, func(top, bottom float64) (d string) {
			for _, x := range at {
				d += "M" + pairs(x, top) + "V" + num(bottom)
			}
			return d
		})
	}
}

// vertical draws a path of pieces, one for each strip.
func (p *plot) vertical(c *canvas, class string, piece func(top, bottom float64) string) {
	d := ""
	for _, s := range p.strips {
		d += piece(s.Low, s.High)
	}
	if len(p.strips) == 0 {
		d = piece(p.top, p.bottom)
	}
	c.path(class, d, "")
}

func (c *canvas) ticksOf(p *plot, x *scale) []tick {
	return x.ticks(p.right-p.left, func(label string) float64 { return textWidth(label, c.font) + 6 })
}

// ticksBelow draws the x axis below the plot, and its label.
func (c *canvas) ticksBelow(p *plot, x *scale) {
	c.hline("axis", p.left, p.right, p.bottom)
	c.y += c.step()
	for _, t := range c.ticksOf(p, x) {
		at, half := p.left+t.at*(p.right-p.left), textWidth(t.label, c.font)/2
		c.text("muted mid", min(max(at, half), c.width-half), c.y-1, c.width, t.label)
	}
	if x.Label != "" {
		c.y += c.step()
		label := clean(x.label())
		half := min(textWidth(label, c.font), c.width) / 2
		c.text("mid", min(max((p.left+p.right)/2, half), c.width-half), c.y-2, c.width, label)
	}
	c.y += 4
}
