package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

var _ = register(Format{
	Name:      "markdown",
	Extension: ".md",
	Doc:       "the table for a README or a pull request (GitHub Markdown)",
	Write:     writeMarkdown,
})

func writeMarkdown(w io.Writer, d *result.Document, _ Options) error {
	var b strings.Builder
	all := sections(d)
	for _, s := range all {
		markdownSection(&b, s)
	}
	for _, line := range closings(d, all) {
		fmt.Fprintf(&b, "**%s**\n\n", escape(line))
	}
	b.WriteString("<details><summary>Legend and environment</summary>\n\n")
	for _, l := range legends(all) {
		fmt.Fprintf(&b, "- **%s**: %s\n", escape(l.term), escape(l.text))
	}
	b.WriteString("\n")
	for _, line := range append(notes(d), toolLine(d)) {
		if line != "" {
			fmt.Fprintf(&b, "- %s\n", escape(line))
		}
	}
	b.WriteString("\n</details>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownSection(b *strings.Builder, s *section) {
	fmt.Fprintf(b, "### %s\n\n", escape(judge.Heading(s.doc, s.results)))
	columns := s.columns()
	for _, c := range columns {
		b.WriteString("| " + escape(c.title) + " ")
	}
	b.WriteString("|\n")
	for _, c := range columns {
		if c.left {
			b.WriteString("| --- ")
		} else {
			b.WriteString("| ---: ")
		}
	}
	b.WriteString("|\n")
	for _, r := range s.results {
		for i, c := range columns {
			b.WriteString("| " + markdownCell(c.get(r), i == 0 && judge.Failed(r)) + " ")
		}
		b.WriteString("|\n")
	}
	b.WriteString("\n")
	for _, p := range s.problems() {
		b.WriteString(escape(p.headline) + "\n\n")
		for _, detail := range p.details {
			b.WriteString("- " + escape(detail) + "\n")
		}
		if len(p.details) > 0 {
			b.WriteString("\n")
		}
	}
}

func markdownCell(c cell, struck bool) string {
	text := escape(c.figure)
	if struck {
		text = "~~" + text + "~~"
	}
	if c.note != "" {
		text += " " + escape(c.note)
	}
	return text
}

// escape escapes the characters that GitHub's Markdown would read as markup, especially the
// column separator.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "`", "\\`", "<", "&lt;", "[", `\[`, "~", `\~`).Replace(clean(text))
}

// toolLine states the version that wrote the document and its command line.
func toolLine(d *result.Document) string {
	line := "sessbench " + d.Tool.Version
	if d.Tool.Commit != "" {
		line += " (" + judge.ShortHash(d.Tool.Commit) + ")"
	}
	line += ", " + d.Created.UTC().Format("2006-01-02 15:04 UTC")
	if d.Config.Command != "" {
		line += ": " + d.Config.Command
	}
	return line
}
