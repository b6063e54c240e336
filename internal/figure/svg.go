package figure

import "strings"

// SVG returns the figure for a page with the rules of [CSS]: two SVG elements, of which the rules show the one that suits the width.
// They have a title and a description, and do not show the title. The error names a value that cannot be drawn: one that is
// infinite or not a number, or a percentile of 100 %.
func (f *Figure) SVG() (string, error) {
	p, err := f.prepared()
	if err != nil {
		return "", err
	}
	return p.svg(wide, "", false) + p.svg(narrow, "", false), nil
}

// File returns the figure as a file of its own, with its title, for light and dark backgrounds. The error is that of [Figure.SVG].
func (f *Figure) File() (string, error) {
	p, err := f.prepared()
	if err != nil {
		return "", err
	}
	css := strings.Replace(CSS(), narrowRule, "", 1)
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + p.svg(wide, "<style>\n"+css+"</style>\n", true), nil
}

// svg draws the figure in a layout.
func (f *Figure) svg(l layout, style string, alone bool) string {
	c := &canvas{layout: l}
	if alone {
		c.y = c.step() + 6
		c.text("heading", 0, c.y-8, c.width, f.Title)
	}
	f.Body.draw(c, f, f.scale())
	if len(f.Notes) > 0 {
		c.y += 4
		c.prose("muted", f.Notes...)
	}

	const border = 12 // of a file
	var b strings.Builder
	id, edge := f.ID+"-"+l.class, 0.0
	xmlns, back := "", ""
	if alone {
		edge = border
		xmlns = ` xmlns="http://www.w3.org/2000/svg"` + ` width="` + num(c.width+2*edge) + `" height="` + num(c.y+2*edge) + `"`
		back = `<rect class="back" x="` + num(-edge) + `" y="` + num(-edge) + `" width="100%" height="100%"/>` + "\n"
	}
	b.WriteString("<svg" + xmlns + ` class="fig ` + l.class + `" role="img" aria-labelledby="` + id + "-title " + id + `-desc"` +
		` viewBox="` + strings.Join([]string{num(-edge), num(-edge), num(c.width + 2*edge), num(c.y + 2*edge)}, " ") + `">` + "\n" +
		`<title id="` + id + `-title">` + escaped(clean(f.Title)) + "</title>\n" +
		`<desc id="` + id + `-desc">` + escaped(strings.TrimSpace(clean(f.Desc)+" "+clean(strings.Join(f.Notes, " ")))) + "</desc>\n" +
		style + back + c.String() + "</svg>\n")
	return b.String()
}
