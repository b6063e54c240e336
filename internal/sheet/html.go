package sheet

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/sessbench/sessbench/internal/figure"
)

// assets has the style and the script of every page. Without the script a page is complete: it adds values under the pointer and the
// focus, and buttons that hide rows and lines.
//
//go:embed page.css page.js
var assets embed.FS

// Asset returns the text of a file that is in the binary.
func Asset(from embed.FS, name string) string {
	text, err := from.ReadFile(name)
	if err != nil {
		panic(err) // a programming error: there is no such file
	}
	return string(text)
}

// WriteHTML writes the page as one HTML document that requests nothing: its style and its script are in it, and its
// Content-Security-Policy allows only these two and those of embedded documents. Texts are escaped. The error is w's, or names a
// figure that cannot be drawn.
func (p *Page) WriteHTML(w io.Writer) error {
	h := &hypertext{}
	for _, part := range p.parts {
		if err := part.html(h); err != nil {
			return err
		}
	}
	h.endFold()
	style, script := "\n"+figure.CSS()+"\n"+Asset(assets, "page.css"), "\n"+Asset(assets, "page.js")
	scripts, styles := Sources(append(h.scripts, script)...), Sources(append(h.styles, style)...)
	_, err := fmt.Fprintf(w, pageFrame, scripts, styles, html.EscapeString(Clean(p.title())), style, h.withSections(), script)
	return err
}

// pageFrame is what is around the parts of a page: hashes of scripts and styles, title, style, parts, script.
const pageFrame = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src %s; style-src %s; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%s</title>
<style>%s</style>
</head>
<body>
<main>
%s</main>
<script>%s</script>
</body>
</html>
`

// Sources lists the texts of scripts or of styles as a Content-Security-Policy allows them (CSP Level 3, section 2.3.1).
func Sources(texts ...string) string {
	list := make([]string, len(texts))
	for i, text := range texts {
		sum := sha256.Sum256([]byte(text))
		list[i] = "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return strings.Join(list, " ")
}

// title is the text of the page's first heading.
func (p *Page) title() string {
	for _, part := range p.parts {
		if h, is := part.(heading); is {
			return h.content + " – sessbench"
		}
	}
	return "sessbench"
}

// hypertext is the HTML so far.
type hypertext struct {
	strings.Builder
	headings        int
	folded          bool
	scripts, styles []string // of embedded documents
	subject         string   // of tables: the last heading or title of a figure
	sections        []string
	first           int // where the first section begins
}

// severalSections is the number of sections, among them the legend's, from which a page has a list of them.
const severalSections = 4

// withSections returns the HTML with a list of the sections, if there are several, before the first of them.
func (h *hypertext) withSections() string {
	if len(h.sections) < severalSections {
		return h.String()
	}
	short := map[string]int{} // a heading up to its colon, if these differ
	for _, text := range h.sections {
		name, _, _ := strings.Cut(text, ": ")
		short[name]++
	}
	var nav strings.Builder
	nav.WriteString("<nav aria-label=\"Sections\"><ul>\n")
	for i, text := range h.sections {
		if name, _, _ := strings.Cut(text, ": "); short[name] == 1 {
			text = name
		}
		fmt.Fprintf(&nav, "<li><a href=\"#section-%d\">%s</a></li>\n", i+1, html.EscapeString(text))
	}
	nav.WriteString("</ul></nav>\n")
	return h.String()[:h.first] + nav.String() + h.String()[h.first:]
}

func (h *hypertext) printf(format string, args ...any) { fmt.Fprintf(h, format, args...) }

// element writes an element with text. class may be empty.
func (h *hypertext) element(name, class, text string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	h.printf("<%s%s>%s</%s>\n", name, class, html.EscapeString(Clean(text)), name)
}

// endFold ends a fold.
func (h *hypertext) endFold() {
	if h.folded {
		h.WriteString("</details>\n")
	}
	h.folded = false
}

// class is the class of a style; empty for plain text.
func (s Style) class() string {
	return [...]string{Plain: "", Bold: "bold", Dim: "dim", Green: "good", Better: "good", Worse: "bad", Success: "good bold", Alarm: "bad bold", Struck: "struck"}[s]
}

// html writes the first heading as that of the page, and the others as those of sections, which links can refer to.
func (g heading) html(h *hypertext) error {
	h.endFold()
	h.subject = Clean(g.content)
	if h.headings++; h.headings == 1 {
		h.element("h1", g.style.class(), g.content)
		return nil
	}
	if h.sections = append(h.sections, h.subject); len(h.sections) == 1 {
		h.first = h.Len()
	}
	id := fmt.Sprintf("section-%d", len(h.sections))
	h.printf("<h2 id=\"%s\"><a href=\"#%s\">%s</a></h2>\n", id, id, html.EscapeString(h.subject))
	return nil
}

func (s saying) html(h *hypertext) error {
	for _, line := range s.lines {
		h.element("p", s.style.class(), line)
	}
	return nil
}

func (l list) html(h *hypertext) error {
	if l.headline != "" {
		h.element("p", l.style.class(), l.headline)
	}
	if len(l.items) > 0 {
		h.WriteString("<ul>\n")
		for _, item := range l.items {
			h.element("li", "", item)
		}
		h.WriteString("</ul>\n")
	}
	return nil
}

func (l legend) html(h *hypertext) error {
	h.WriteString("<dl>\n")
	for _, t := range l {
		if t.Term != "" {
			h.element("dt", "", t.Term)
		}
		h.element("dd", "", t.Text)
	}
	h.WriteString("</dl>\n")
	return nil
}

func (f fold) html(h *hypertext) error {
	h.endFold()
	h.folded = true
	h.WriteString("<details class=\"fold\">\n")
	h.element("summary", "", string(f))
	return nil
}

func (c command) html(h *hypertext) error {
	h.element("p", "dim", "Reproduce with:")
	h.printf("<pre class=\"command\"><code>%s</code></pre>\n", html.EscapeString(Clean(string(c))))
	return nil
}

func (t *Table) html(h *hypertext) error {
	h.printf("<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"%s\"><table>\n<thead><tr>", html.EscapeString("Table: "+h.subject))
	for _, c := range t.Columns {
		h.printf("<th scope=\"col\"%s>%s</th>", c.side(), html.EscapeString(Clean(c.Title)))
	}
	h.WriteString("</tr></thead>\n<tbody>\n")
	for _, row := range t.Rows {
		h.WriteString("<tr>")
		for i, cell := range row {
			text := html.EscapeString(Clean(cell.Text))
			if class := cell.Style.class(); class != "" {
				text = `<span class="` + class + `">` + text + `</span>`
			}
			if cell.Note != "" {
				text += " <small>" + html.EscapeString(Clean(cell.Note)) + "</small>"
			}
			name, scope := "td", ""
			if i == 0 && t.Columns[0].Left {
				name, scope = "th", ` scope="row"`
			}
			h.printf("<%s%s%s>%s</%s>", name, scope, t.Columns[i].side(), text, name)
		}
		h.WriteString("</tr>\n")
	}
	h.WriteString("</tbody>\n</table></div>\n")
	return nil
}

// side is the attribute of the column's alignment.
func (c Column) side() string {
	switch {
	case c.Prose:
		return ` class="left prose"`
	case c.Left:
		return ` class="left"`
	}
	return ""
}
