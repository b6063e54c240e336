package sheet

import (
	"html"
	"strings"

	"github.com/sessbench/sessbench/internal/printable"
)

// drawing writes a drawing of text.
type drawing func(page *Text) error

// Draw adds a drawing of text, which Markdown lacks.
func (p *Page) Draw(write func(page *Text) error) { p.parts = append(p.parts, drawing(write)) }

func (d drawing) text(page *Text) error { return d(page) }

// drawingWidth is the number of columns of a drawing on a page.
const drawingWidth = 130

// html writes the drawing as preformatted text in its styles.
func (d drawing) html(h *hypertext) error {
	text := &Text{Options: Options{Width: drawingWidth, Color: true}}
	if err := d(text); err != nil {
		return err
	}
	h.WriteString("<pre tabindex=\"0\">")
	for piece := range strings.SplitSeq(strings.TrimRight(text.String(), "\n"), Off) {
		before, styled, class := cutStyle(piece)
		h.WriteString(html.EscapeString(printable.Text(before)))
		if styled != "" {
			h.printf(`<span class="%s">%s</span>`, class, html.EscapeString(printable.Text(styled)))
		}
	}
	h.WriteString("</pre>\n")
	return nil
}

// cutStyle separates the text before the first ANSI sequence that begins a style from the text in that style.
func cutStyle(piece string) (before, styled, class string) {
	before = piece
	for s := Bold; s <= Struck; s++ {
		if b, after, found := strings.Cut(piece, s.ANSI()); found && len(b) < len(before) {
			before, styled, class = b, after, s.class()
		}
	}
	return before, styled, class
}
