package timeline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html"
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

// Add adds a violation to a page: what happened and what it means for the users of the sessions, the history with a column per user,
// how it happened, and the command that reproduces it. Without a history it has the stacks of the goroutines.
func Add(p *sheet.Page, v *history.Violation) {
	p.Say(sheet.Bold, sheet.Sentence(v.Why))
	if means := v.Consequence(); means != "" {
		p.Say(sheet.Plain, "That means: "+means)
	}
	how := ""
	if hasLanes(v) {
		t := newTimeline(v)
		p.Draw(func(page *sheet.Text) error { t.draw(page); return nil })
		how = t.howToRead()
	}
	p.Say(sheet.Plain, sheet.Sentence(v.Mechanism()))
	if len(v.Causes) > 0 {
		p.List(sheet.Plain, "Possible causes, which the history does not prove:", v.Causes)
	}
	if v.Stacks != "" {
		p.Draw(func(page *sheet.Text) error {
			for text := range strings.SplitSeq(shortStacks(v.Stacks), "\n") {
				page.Line(sheet.Clean(text))
			}
			return nil
		})
	}
	p.Command(v.Command)
	p.Say(sheet.Dim, facts(v), how)
}

// hasLanes reports whether a violation has a history to draw.
func hasLanes(v *history.Violation) bool { return v.History != nil && len(v.History.Ops) > 0 }

// facts states how a violation was found.
func facts(v *history.Violation) string {
	text := "Found by: " + string(v.Detector)
	if v.Confirmed {
		text += ", confirmed by an exhaustive search for an order that explains it"
	}
	text += fmt.Sprintf(". Seed %d", v.Seed)
	if v.Procs > 0 {
		text += fmt.Sprintf(", GOMAXPROCS %d", v.Procs)
	}
	if v.History != nil {
		text += fmt.Sprintf(", session %v", v.Session)
	}
	return text + "."
}

// readDrawing explains porcupine's drawing.
var readDrawing = []string{
	"Each row is one user and each box one operation, from its call on the left edge to its return on the right. Red boxes contradict each " +
		"other; they are repeated below.",
	"The grey line (valid LP) connects the operations in an order that explains their results; it may cross a box anywhere, but only from " +
		"left to right. Where it turns red (invalid LP) the result fits no possible state of the session: point at a box to see the session " +
		"before and after it.",
}

// AddDrawing adds a fold with porcupine's interactive drawing of a violation's history, the conflicting operations marked. A
// violation without a history has none.
func AddDrawing(p *sheet.Page, v *history.Violation) {
	if !hasLanes(v) {
		return
	}
	d := newDrawing(v)
	p.Fold("All operations, and the attempts to order them")
	p.Say(sheet.Dim, readDrawing...)
	// Room for porcupine's legend, 45 pixels per lane, and the explanations that pop up below.
	p.Embed("porcupine's drawing of the history", 250+45*(len(d.users)+len(d.t.conflict)), d.write)
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

// write writes porcupine's page with the users' names, the timeline's texts, and the conflicting operations in red.
func (d *porcupineDrawing) write(w io.Writer) error {
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
		return err
	}
	page := b.String()
	start, end := strings.Index(page, "<body>"), strings.LastIndex(page, "</body>")
	if start < 0 || end < start {
		return fmt.Errorf("porcupine's page has no body: %d bytes", len(page))
	}
	users, err := json.Marshal(d.names())
	if err != nil {
		return err
	}
	conflict, err := json.Marshal(d.conflict())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s%s%s", page[:start], drawingStart, page[start:end], fmt.Sprintf(drawingEnd, users, conflict)+page[end:])
	return err
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
			Description: d.describe(op), Details: html.EscapeString(sheet.Clean(sheet.Sentence(d.v.Why))),
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

// drawingStart precedes the body of porcupine's page. Policies with hashes do not allow style attributes, which porcupine's script
// sets; properties of an element's style are allowed.
const drawingStart = `<script>
  {
    const set = Element.prototype.setAttributeNS
    Element.prototype.setAttributeNS = function (space, name, value) {
      if (name === 'style') this.style.cssText = value
      else set.call(this, space, name, value)
    }
  }
</script>
`

// drawingEnd is appended to the body of porcupine's page, which numbers the clients and does not mark conflicting operations. The
// arguments are JSON.
const drawingEnd = `
<style>
  html { background: #fff; color-scheme: light }
  #legend svg { overflow: visible }
  .history-rect.conflict { fill: #f4a79d; stroke: #c0392b; stroke-width: 2 }
</style>
<script>
  {
    const users = %s
    document.querySelectorAll('#canvas svg > g:first-child > text').forEach((label, i) => {
      if (i < users.length) label.textContent = users[i]
    })
    const boxes = document.querySelectorAll('.history-rect')
    const conflict = %s.map(i => boxes[i])
    conflict.forEach(box => box.classList.add('conflict'))
    if (conflict.length > 0) scrollTo(conflict[0].getBoundingClientRect().left - 80, 0)
  }
</script>
`
