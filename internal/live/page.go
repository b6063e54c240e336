package live

import (
	"embed"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/sessbench/sessbench/internal/sheet"
)

// assets has the style and the script of the page. Without the script it shows the state at loading, and is loaded again every few
// seconds.
//
//go:embed live.css live.js
var assets embed.FS

var pageStyle, pageScript = sheet.Asset(assets, "live.css"), sheet.Asset(assets, "live.js")

// pagePolicy allows the page its own style and script, and requests to its own server. [strictPolicy] is that of everything else.
var pagePolicy = fmt.Sprintf("default-src 'none'; script-src %s; style-src %s; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	sheet.Sources(pageScript), sheet.Sources(pageStyle))

const strictPolicy = "default-src 'none'; frame-ancestors 'none'"

// write writes the page.
func (s *state) write(w io.Writer) error {
	var b strings.Builder
	text := html.EscapeString
	fmt.Fprintf(&b, pageHead, pageStyle, text(s.Scenario), text(s.Status), max(1, s.All), s.Done, text(s.Progress), text(s.Doing))
	open := ""
	if s.Open {
		open = ` class="open-loop"`
	}
	fmt.Fprintf(&b, "<table id=\"lines\" role=\"table\"%s>\n<thead role=\"rowgroup\"><tr role=\"row\">", open)
	for _, c := range columns {
		fmt.Fprintf(&b, "<th role=\"columnheader\" scope=\"col\"%s>%s</th>", openClass(c.open), c.title)
	}
	b.WriteString("<th role=\"columnheader\" scope=\"col\" class=\"spark\">recent ops/s</th></tr></thead>\n<tbody id=\"rows\" role=\"rowgroup\">\n")
	for _, r := range s.Rows {
		r.write(&b)
	}
	b.WriteString("</tbody>\n</table>\n<template id=\"row\">")
	(&row{Cells: make([]string, len(columns))}).write(&b)
	fmt.Fprintf(&b, pageTail, pageScript)
	_, err := io.WriteString(w, b.String())
	return err
}

// write writes the row of a table, which the script fills in again. Roles are explicit because a narrow page displays rows as lines.
func (r *row) write(b *strings.Builder) {
	class := ""
	if r.Running {
		class = ` class="running"`
	}
	fmt.Fprintf(b, "<tr role=\"row\"%s>", class)
	for i, c := range columns {
		name := "td role=\"cell\""
		if i == 0 {
			name = "th role=\"rowheader\" scope=\"row\""
		}
		fmt.Fprintf(b, "<%s%s data-title=\"%s\">%s</%s>", name, openClass(c.open), c.title, html.EscapeString(r.Cells[i]), name[:2])
	}
	fmt.Fprintf(b, "<td role=\"cell\" class=\"spark\"><svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><polyline points=\"%s\"/></svg></td></tr>\n",
		sparkWidth, sparkHeight, r.Spark)
}

// openClass is the attribute of a cell that is shown where visits arrive at a given rate.
func openClass(open bool) string {
	if open {
		return ` class="open"`
	}
	return ""
}

// pageHead is the page up to the table: style, scenario, status, trials, those that have ended, both in words, what runs now.
const pageHead = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>A running measurement – sessbench</title>
<noscript><meta http-equiv="refresh" content="3"></noscript>
<style>%s</style>
</head>
<body>
<main>
<h1>sessbench run <span id="scenario">%s</span></h1>
<p id="state" role="status" aria-live="polite">%s</p>
<p><progress id="progress" max="%d" value="%d" aria-labelledby="progress-text"></progress> <span id="progress-text">%s</span></p>
<p id="doing">%s</p>
`

// pageTail is the page after the table: the script.
const pageTail = `</template>
<p class="dim">While a trial runs, its line shows the last second, and the p99 and the errors so far; then the trial as a whole.
<a href="/result.json">The result so far</a>, <a href="/metrics">metrics</a>.</p>
</main>
<script>%s</script>
</body>
</html>
`
