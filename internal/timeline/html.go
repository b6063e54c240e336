package timeline

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/sheet"
)

// Limits of the search that is drawn.
const (
	drawingTime  = 5 * time.Second
	drawingSteps = 1 << 18 // porcupine keeps each in memory
)

// pageColumns is the width of the timeline on the page.
const pageColumns = 130

// WriteHTML writes a violation as a self-contained HTML page: the explanation, the timeline, the command that reproduces
// it, and porcupine's interactive drawing of the history with the conflicting operations marked. Messages of the store
// are escaped. The error is that of w.
func WriteHTML(w io.Writer, v *history.Violation) error {
	why := strings.TrimSpace(sentence(v.Why) + " " + sentence(v.Mechanism()))
	page := pageData{Violation: v, Why: why, Consequence: v.Consequence(), Stacks: shortStacks(v.Stacks)}
	if v.History != nil && len(v.History.Ops) > 0 {
		page.Timeline = timelineSpans(v)
		d := newDrawing(v)
		page.How = d.t.howToRead()
		inner, err := d.page()
		if err != nil {
			return err
		}
		// Room for porcupine's legend, 45 pixels per lane, and the explanations that pop up below.
		page.Drawing, page.Height = inner, 250+45*(len(d.users)+len(d.t.conflict))
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, page); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// pageData is the input of pageTemplate.
type pageData struct {
	*history.Violation
	Why, Consequence, Stacks, How string
	Timeline                      []span
	Drawing                       string // porcupine's page
	Height                        int    // of it, in pixels
}

// span is a piece of the timeline in one style.
type span struct {
	Text          string
	Conflict, Dim bool
}

// timelineSpans returns the timeline, with the terminal's styles.
func timelineSpans(v *history.Violation) (spans []span) {
	page := &sheet.Text{Options: sheet.Options{Color: true, Width: pageColumns}}
	newTimeline(v).draw(page)
	for piece := range strings.SplitSeq(page.String(), sheet.Off) {
		for _, s := range []sheet.Style{sheet.Alarm, sheet.Dim} {
			if before, styled, found := strings.Cut(piece, s.ANSI()); found {
				spans = append(spans, span{Text: before}, span{styled, s == sheet.Alarm, s == sheet.Dim})
				piece = ""
			}
		}
		spans = append(spans, span{Text: piece})
	}
	return spans
}

// porcupineDrawing draws a history with porcupine.
type porcupineDrawing struct {
	v     *history.Violation
	t     *timeline
	users []int32 // a lane each, top to bottom
}

func newDrawing(v *history.Violation) *porcupineDrawing {
	d := &porcupineDrawing{v: v, t: newTimeline(v)}
	for i := range v.History.Ops {
		if u := v.History.Ops[i].User; !slices.Contains(d.users, u) {
			d.users = append(d.users, u)
		}
	}
	slices.Sort(d.users)
	return d
}

// page returns porcupine's page with the users' names, the timeline's texts, and the conflicting operations in red.
func (d *porcupineDrawing) page() (string, error) {
	list := history.Operations(d.v.History)
	for i := range list {
		list[i].ClientId = slices.Index(d.users, int32(list[i].ClientId))
	}
	m := history.Model(d.v.History.Claimed)
	m.DescribeOperation = func(input, _ any) string { return d.describe(input.(*history.Op)) }
	describeState := m.DescribeState
	m.DescribeState = func(s any) string { return html.EscapeString(describeState(s)) } // porcupine inserts it as HTML
	_, info := porcupine.CheckOperationsVerbose(bounded(m), list, drawingTime)
	info.AddAnnotations(d.annotations())

	var b bytes.Buffer
	if err := porcupine.Visualize(m, info, &b); err != nil {
		return "", err
	}
	var extra bytes.Buffer
	if err := drawingTemplate.Execute(&extra, map[string]any{"Users": d.names(), "Conflict": d.conflict()}); err != nil {
		return "", err
	}
	page := b.String()
	end := strings.LastIndex(page, "</body>")
	if end < 0 {
		return "", fmt.Errorf("porcupine's page has no end: %d bytes", len(page))
	}
	return page[:end] + extra.String() + page[end:], nil
}

// bounded limits m to a search of [drawingSteps]: after them no step fits.
func bounded(m porcupine.Model) porcupine.Model {
	step, steps := m.Step, 0
	m.Step = func(before, input, output any) (bool, any) {
		if steps++; steps > drawingSteps {
			return false, before
		}
		return step(before, input, output)
	}
	return m
}

// annotations show the conflicting operations a second time, apart from the others.
func (d *porcupineDrawing) annotations() (list []porcupine.Annotation) {
	for n, i := range d.conflict() {
		op := &d.t.ops[i]
		list = append(list, porcupine.Annotation{
			Tag: fmt.Sprintf("► %d", n+1), Start: op.Call, End: op.Return,
			Description: d.describe(op), Details: html.EscapeString(sheet.Clean(sentence(d.v.Why))),
			TextColor: "#fff", BackgroundColor: "#c0392b",
		})
	}
	return list
}

// describe includes the user: the lanes' names scroll out of sight.
func (d *porcupineDrawing) describe(op *history.Op) string {
	return history.UserName(op.User) + ": " + op.Request() + " → " + d.t.result(op, false)
}

func (d *porcupineDrawing) names() (list []string) {
	for _, u := range d.users {
		list = append(list, history.UserName(u))
	}
	return list
}

// conflict returns the conflicting operations in the order of their calls.
func (d *porcupineDrawing) conflict() []int {
	list := slices.AppendSeq([]int{}, maps.Keys(d.t.conflict)) // not nil: it becomes a JavaScript array
	slices.SortFunc(list, func(i, j int) int {
		return cmp.Or(cmp.Compare(d.t.ops[i].Call, d.t.ops[j].Call), cmp.Compare(i, j))
	})
	return list
}

// drawingTemplate is appended to porcupine's page, which numbers the clients and does not mark conflicting operations.
var drawingTemplate = template.Must(template.New("drawing").Parse(`
<style>
  html { background: #fff }
  #legend svg { overflow: visible }
  .history-rect.conflict { fill: #f4a79d; stroke: #c0392b; stroke-width: 2 }
</style>
<script>
  {
    const users = {{.Users}}
    document.querySelectorAll('#canvas svg > g:first-child > text').forEach((label, i) => {
      if (i < users.length) label.textContent = users[i]
    })
    const boxes = document.querySelectorAll('.history-rect')
    const conflict = {{.Conflict}}.map(i => boxes[i])
    conflict.forEach(box => box.classList.add('conflict'))
    if (conflict.length > 0) scrollTo(conflict[0].getBoundingClientRect().left - 80, 0)
  }
</script>
`))

var pageTemplate = template.Must(template.New("picture").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sessbench verify: {{.Anomaly}}</title>
<style>
  body { font: 16px/1.5 system-ui, Helvetica, Arial, sans-serif; color: #222; background: #fff; margin: 0 auto; padding: 1.5rem; max-width: 82rem }
  h1 { color: #c0392b; margin: 0 0 .5rem; font-size: 1.8rem }
  h2 { font-size: 1.1rem; margin: 2rem 0 .4rem }
  .verdict { color: #fff; background: #c0392b; border-radius: 4px; padding: .1rem .6rem; font-size: .9rem }
  .why { font-size: 1.15rem; margin: .6rem 0 }
  .means { border-left: 4px solid #c0392b; padding-left: .8rem }
  p { max-width: 62rem; margin: .5rem 0 }
  .facts { max-width: none }
  pre { font: 13px/1.35 "DejaVu Sans Mono", Menlo, Consolas, monospace; background: #f7f7f5; border: 1px solid #ddd; border-radius: 4px; padding: .8rem; overflow-x: auto }
  pre b { color: #c0392b }
  pre i { color: #777; font-style: normal }
  code { white-space: nowrap; font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .9em }
  .facts, .read { color: #555; font-size: .9rem }
  iframe { width: 100%; border: 1px solid #ddd; border-radius: 4px }
</style>
</head>
<body>
<p><span class="verdict">not correct under concurrency</span></p>
<h1>{{.Anomaly}}</h1>
{{- with .Why}}
<p class="why">{{.}}</p>
{{- end}}
{{- with .Causes}}
<p>Possible causes, which the history does not prove:</p>
<ul>{{range .}}<li>{{.}}</li>{{end}}</ul>
{{- end}}
{{- with .Consequence}}
<p class="means"><strong>That means:</strong> {{.}}</p>
{{- end}}
<p class="facts">Found by: {{.Detector}}{{if .Confirmed}}, confirmed by an exhaustive search for an order that explains it{{end}}.
Seed {{.Seed}}{{if .Procs}}, GOMAXPROCS {{.Procs}}{{end}}{{if .History}}, session <code>{{.Session}}</code>{{end}}.</p>
{{- with .Command}}
<h2>Reproduce with</h2>
<pre>{{.}}</pre>
{{- end}}
{{- if .Timeline}}
<h2>What happened</h2>
<p class="read">{{.How}}</p>
<pre>{{range .Timeline}}{{if .Conflict}}<b>{{.Text}}</b>{{else if .Dim}}<i>{{.Text}}</i>{{else}}{{.Text}}{{end}}{{end}}</pre>
{{- end}}
{{- with .Stacks}}
<h2>Goroutines</h2>
<pre>{{.}}</pre>
{{- end}}
{{- if .Drawing}}
<h2>All operations, and the attempts to order them</h2>
<p class="read">Each row is one user and each box one operation, from its call on the left edge to its return on the right. Red boxes contradict each other; they are repeated below.
The grey line (valid LP) connects the operations in an order that explains their results; it may cross a box anywhere, but only from left to right.
Where it turns red (invalid LP) the result fits no possible state of the session: point at a box to see the session before and after it.</p>
<iframe title="porcupine's drawing of the history" height="{{.Height}}" srcdoc="{{.Drawing}}"></iframe>
{{- end}}
</body>
</html>
`))
