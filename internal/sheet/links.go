package sheet

import (
	"html"
	"strings"
)

// Link is a file beside the page.
type Link struct {
	Text string
	Path string // relative to the page, with slashes
}

type links struct {
	headline string
	list     []Link
}

// Links adds links to files after a headline.
func (p *Page) Links(headline string, list []Link) {
	if len(list) > 0 {
		p.parts = append(p.parts, links{headline, list})
	}
}

func (l links) text(page *Text) error {
	var paths []string
	for _, of := range l.list {
		paths = append(paths, of.Path)
	}
	page.Paragraph("", l.headline+" "+strings.Join(paths, ", "), Plain)
	return nil
}

func (l links) markdown(page *markdown) {
	var words []string
	for _, of := range l.list {
		words = append(words, "["+page.short(of.Text)+"]("+linkOf(of.Path)+")")
	}
	page.printf("%s %s\n\n", page.long(l.headline), strings.Join(words, ", "))
}

func (l links) html(h *hypertext) error {
	var words []string
	for _, of := range l.list {
		words = append(words, `<a href="`+html.EscapeString(linkOf(of.Path))+`">`+html.EscapeString(Clean(of.Text))+"</a>")
	}
	h.printf("<p>%s %s</p>\n", html.EscapeString(Clean(l.headline)), strings.Join(words, ", "))
	return nil
}
