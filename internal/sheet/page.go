package sheet

import (
	"io"
	"strings"
)

// Page is what a document says, in parts, in the order in which it is read. It is built once and written in several formats.
type Page struct{ parts []part }

// part is a part of a page in every format.
type part interface {
	text(page *Text) error
	markdown(page *markdown)
	html(page *hypertext) error
}

// Style is how a text stands out.
type Style uint8

// Off is the ANSI sequence that ends a style.
const Off = "\x1b[0m"

// The styles. In Markdown only some of them differ.
const (
	Plain Style = iota
	Bold
	Dim
	Green   // in Markdown plain
	Better  // green
	Worse   // red
	Success // bold and green
	Alarm   // bold and red
	Struck  // does not count
)

// ANSI is the sequence that begins the style on a terminal. All styles end with [Off].
func (s Style) ANSI() string {
	return [...]string{Bold: "\x1b[1m", Dim: "\x1b[2m", Green: "\x1b[32m", Better: "\x1b[32m", Worse: "\x1b[31m",
		Success: "\x1b[1;32m", Alarm: "\x1b[1;31m", Struck: "\x1b[9m"}[s]
}

// marked returns a text of Markdown in the style.
func (s Style) marked(text string) string {
	mark := [...]string{Bold: "**", Better: "**", Worse: "**", Struck: "~~"}[s]
	return mark + text + mark
}

// Term is a title or a sign with its explanation. A text without a term belongs to the term before it.
type Term struct{ Term, Text string }

type (
	heading struct {
		style   Style
		content string
	}
	saying struct {
		style Style
		lines []string
	}
	list struct {
		style    Style
		headline string
		items    []string
	}
	legend  []Term
	fold    string
	command string
)

// Heading begins a section.
func (p *Page) Heading(s Style, text string) { p.parts = append(p.parts, heading{s, text}) }

// Say adds sentences, each in a line of its own. Empty ones are omitted.
func (p *Page) Say(s Style, lines ...string) {
	var said []string
	for _, line := range lines {
		if line != "" {
			said = append(said, line)
		}
	}
	if said != nil {
		p.parts = append(p.parts, saying{s, said})
	}
}

// List adds a headline with items below it. Either may be missing.
func (p *Page) List(s Style, headline string, items []string) {
	if headline != "" || len(items) > 0 {
		p.parts = append(p.parts, list{s, headline, items})
	}
}

// Table adds a table, unless it has no rows.
func (p *Page) Table(t *Table) {
	if len(t.Rows) > 0 {
		p.parts = append(p.parts, t)
	}
}

// Legend adds explanations.
func (p *Page) Legend(terms []Term) {
	if len(terms) > 0 {
		p.parts = append(p.parts, legend(terms))
	}
}

// Fold hides what follows behind a summary, up to the next Fold or the end of the page. Text has no folds.
func (p *Page) Fold(summary string) { p.parts = append(p.parts, fold(summary)) }

// Command adds the command that measures or verifies again, in one line, to be copied.
func (p *Page) Command(text string) {
	if text != "" {
		p.parts = append(p.parts, command(text))
	}
}

// Medium is what a page is written for.
type Medium uint8

// The media. A terminal shows the end of a page first, the others its beginning, and they have folds. Only the web has figures.
const (
	Terminal Medium = iota
	Markdown
	Web
)

// Options describes the output device.
type Options struct {
	Medium
	Figures string // in Markdown: the directory of the files of the figures, as a link; empty: there are none
	Base    string // the working directory as seen from that of the page, for links to files; empty: it is the same
	Color   bool   // the terminal understands ANSI sequences
	Width   int    // columns to keep within; 0: as many as it takes
}

// Drawn reports whether pages show figures.
func (o Options) Drawn() bool { return o.Medium == Web || o.Medium == Markdown && o.Figures != "" }

// WriteText writes the page for a terminal, and returns w's error.
func (p *Page) WriteText(w io.Writer, o Options) error {
	page := &Text{Options: o}
	for _, part := range p.parts {
		switch part.(type) {
		case fold, drawn, embedded: // text has none
			continue
		}
		if page.Len() > 0 {
			page.Line("")
		}
		if err := part.text(page); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, page.String())
	return err
}

// Text collects text for a terminal.
type Text struct {
	Options
	strings.Builder
}

// Columns is the width of running text.
func (t *Text) Columns() int {
	if t.Width <= 0 {
		return DefaultWidth
	}
	return t.Width
}

// Line writes a line without the blanks at its end.
func (t *Text) Line(text string) { t.WriteString(strings.TrimRight(text, " \n") + "\n") }

// Paint returns the text in a style, if the terminal has colors.
func (t *Text) Paint(s Style, text string) string {
	if !t.Color || s == Plain || strings.TrimSpace(text) == "" {
		return text
	}
	return s.ANSI() + text + Off
}

// Paragraph writes text after a term, wrapped into lines that are indented by the term's width.
func (t *Text) Paragraph(term, text string, s Style) {
	for line := range strings.SplitSeq(Wrap(Clean(text), t.Columns()-width(term)), "\n") {
		t.Line(term + t.Paint(s, line))
		term = strings.Repeat(" ", width(term))
	}
}

func (h heading) text(page *Text) error {
	page.Paragraph("", h.content, h.style)
	return nil
}

func (s saying) text(page *Text) error {
	for _, line := range s.lines {
		page.Paragraph("", line, s.style)
	}
	return nil
}

func (l list) text(page *Text) error {
	indent := ""
	if l.headline != "" {
		page.Paragraph("", l.headline, l.style)
		indent = "   "
	}
	for _, item := range l.items {
		page.Paragraph(indent, item, Plain)
	}
	return nil
}

func (l legend) text(page *Text) error {
	widest := 0
	for _, t := range l {
		widest = max(widest, width(Clean(t.Term)))
	}
	for _, t := range l {
		term := Clean(t.Term)
		page.Paragraph(term+strings.Repeat(" ", widest+Gap-width(term)), t.Text, Plain)
	}
	return nil
}

func (fold) text(*Text) error { return nil }

func (c command) text(page *Text) error {
	page.Line("reproduce: " + Clean(string(c)))
	return nil
}
