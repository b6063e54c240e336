package sheet

import (
	"fmt"
	"html"
	"io"
	"regexp"
	"strings"
)

// embedded is a document within a page.
type embedded struct {
	title  string
	height int
	write  func(w io.Writer) error
}

// Embed adds a whole HTML document that another program makes, in a frame of the given height in pixels. Only HTML has it. The
// page's policy applies to it as well: its scripts and styles, elements without attributes, are added to those that the policy
// allows, but style attributes are not. It has no access to the page.
func (p *Page) Embed(title string, height int, write func(w io.Writer) error) {
	p.parts = append(p.parts, embedded{title, height, write})
}

func (embedded) text(*Text) error { return nil }

func (embedded) markdown(*markdown) {}

var (
	scriptElement = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	styleElement  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
)

func (e embedded) html(h *hypertext) error {
	var document strings.Builder
	if err := e.write(&document); err != nil {
		return fmt.Errorf("%s: %w", e.title, err)
	}
	for _, script := range scriptElement.FindAllStringSubmatch(document.String(), -1) {
		h.scripts = append(h.scripts, script[1])
	}
	for _, style := range styleElement.FindAllStringSubmatch(document.String(), -1) {
		h.styles = append(h.styles, style[1])
	}
	h.printf("<iframe loading=\"lazy\" sandbox=\"allow-scripts\" title=\"%s\" height=\"%d\" srcdoc=\"%s\"></iframe>\n",
		html.EscapeString(Clean(e.title)), e.height, html.EscapeString(document.String()))
	return nil
}
