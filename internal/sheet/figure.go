package sheet

import (
	"html"
	"net/url"

	"github.com/sessbench/sessbench/internal/figure"
)

// drawn is a figure with its data as a table.
type drawn struct{ *figure.Figure }

// Figure adds a figure, unless it is nil. HTML draws it, with its data in a table below it. Markdown refers to the file that
// [Options.Figures] names. Text has none.
func (p *Page) Figure(f *figure.Figure) {
	if f != nil {
		p.parts = append(p.parts, drawn{f})
	}
}

// Figures returns the figures of the page, in their order.
func (p *Page) Figures() (list []*figure.Figure) {
	for _, part := range p.parts {
		if d, is := part.(drawn); is {
			list = append(list, d.Figure)
		}
	}
	return list
}

func (drawn) text(*Text) error { return nil }

func (d drawn) markdown(page *markdown) {
	if page.figures != "" {
		page.line("![" + page.short(d.Title) + "](" + linkOf(page.figures+"/"+d.ID+".svg") + ")")
		page.end()
	}
}

// linkOf escapes a relative path as a link.
func linkOf(path string) string { return (&url.URL{Path: path}).String() }

func (d drawn) html(h *hypertext) error {
	svg, err := d.SVG()
	if err != nil {
		return err
	}
	titles, rows, err := d.Figure.Table()
	if err != nil {
		return err
	}
	h.printf("<figure id=\"%s\">\n<figcaption>%s</figcaption>\n%s<details>\n<summary>The data of this figure as a table</summary>\n",
		d.ID, html.EscapeString(Clean(d.Title)), svg)
	h.subject = Clean(d.Title)
	t := &Table{}
	for _, title := range titles {
		t.Columns = append(t.Columns, Column{Title: title})
	}
	if len(titles) > 0 {
		t.Columns[0].Left = true
	}
	for _, row := range rows {
		cells := make([]Cell, len(row))
		for i, text := range row {
			cells[i].Text = text
		}
		t.Rows = append(t.Rows, cells)
	}
	if err := t.html(h); err != nil {
		return err
	}
	h.WriteString("</details>\n</figure>\n")
	return nil
}
