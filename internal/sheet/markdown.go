package sheet

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// GitHub shows a step summary of at most a mebibyte, and nothing at all of a longer one.
const (
	SummaryLimit = 1 << 20
	ending       = SummaryLimit / 16 // room for the last fold
	longCommand  = 8 << 10           // a command beyond it is not shown: cut it would be another one
	clipped      = 300               // characters of a name or a figure; labels are far shorter
)

// WriteMarkdown writes the page as GitHub Markdown, and returns w's error. The text stays below limit, which is 0 for none
// or at least [SummaryLimit]: each part takes at most half of the room that is left, lines beyond it are omitted and counted,
// and the last fold is always there. Figures are those of the directory figures, which is a relative link; empty: there are none.
func (p *Page) WriteMarkdown(w io.Writer, limit int, figures string) error {
	page := &markdown{limit: limit, figures: figures}
	last := -1
	for i, part := range p.parts {
		if _, is := part.(fold); is {
			last = i
		}
	}
	for i, part := range p.parts {
		page.room = math.MaxInt
		if i == last {
			page.unfold()
			if page.omitted > 0 {
				page.printf("%s omitted to stay below the 1 MiB that GitHub shows.\n\n", result.FormatCounted(page.omitted, "line"))
			}
		} else if i < last && limit > 0 {
			page.room = page.Len() + (limit-ending-page.Len())/2
		}
		part.markdown(page)
	}
	page.unfold()
	_, err := io.WriteString(w, strings.TrimRight(page.String(), "\n")+"\n")
	return err
}

// markdown is the text so far.
type markdown struct {
	strings.Builder
	limit   int
	figures string // directory of the figures
	room    int    // where the part that is being written has to end
	full    bool   // it has
	omitted int    // lines there was no room for
	folded  bool   // in a fold
	skipped bool   // the fold that there was no room for
	after   string // what follows the last fold
}

func (m *markdown) printf(format string, args ...any) { fmt.Fprintf(m, format, args...) }

// line writes a line of a table or a list, if there is room for it. Nothing of a part is written after an omitted line.
func (m *markdown) line(text string) {
	if m.full = m.full || m.skipped || m.Len()+len(text) >= m.room; m.full {
		m.omitted++
		return
	}
	m.WriteString(text + "\n")
}

// row writes a row of a table of texts that are already escaped.
func (m *markdown) row(cells []string) { m.line("| " + strings.Join(cells, " | ") + " |") }

// end ends a table or a list.
func (m *markdown) end() {
	if !m.skipped {
		m.WriteString("\n")
	}
	m.full = false
}

// unfold ends a fold.
func (m *markdown) unfold() {
	if m.folded {
		m.printf("</details>\n%s\n", m.after)
	}
	m.folded, m.after = false, ""
}

// markup are the characters that GitHub's Markdown would read as markup, especially the column separator.
var markup = strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "`", "\\`", "<", "&lt;", "[", `\[`, "~", `\~`)

// short escapes a name or a figure, and long a sentence. Both limit its length if that of the page is limited.
func (m *markdown) short(text string) string { return markup.Replace(Clean(m.cut(text, clipped))) }
func (m *markdown) long(text string) string  { return markup.Replace(Clean(m.cut(text, 4*clipped))) }

func (m *markdown) cut(text string, most int) string {
	if m.limit == 0 || len(text) <= most {
		return text
	}
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

func (h heading) markdown(page *markdown) { page.printf("### %s\n\n", page.long(h.content)) }

func (s saying) markdown(page *markdown) {
	for _, line := range s.lines {
		page.printf("%s\n\n", s.style.marked(page.long(line)))
	}
}

func (l list) markdown(page *markdown) {
	if l.headline != "" {
		page.printf("%s\n\n", page.long(l.headline))
	}
	for _, item := range l.items {
		page.line("- " + page.long(item))
	}
	if len(l.items) > 0 {
		page.end()
	}
}

func (l legend) markdown(page *markdown) {
	for _, t := range l {
		if t.Term == "" {
			page.printf("  - %s\n", page.long(t.Text))
		} else {
			page.printf("- **%s**: %s\n", page.short(t.Term), page.long(t.Text))
		}
	}
	page.end()
}

func (f fold) markdown(page *markdown) {
	page.unfold()
	summary := html.EscapeString(Clean(page.cut(string(f), 4*clipped))) // Markdown is not read here
	if page.skipped = page.Len()+len(summary) >= page.room; !page.skipped {
		page.folded = true
		page.printf("<details><summary>%s</summary>\n\n", summary)
	}
}

// markdown adds the command after the fold that it is in.
func (c command) markdown(page *markdown) {
	if len(c) > longCommand {
		return
	}
	fence := "```"
	for strings.Contains(string(c), fence) {
		fence += "`"
	}
	page.after = fmt.Sprintf("\nReproduce with:\n\n%ssh\n%s\n%s\n", fence, Clean(string(c)), fence)
}

func (drawing) markdown(*markdown) {}
