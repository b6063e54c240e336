// Package timeline draws a violation as text and as parts of a page.
package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/sheet"
)

// Limits of the timeline.
const (
	leastLane     = 12 // columns; a timeline that needs less gets wider instead
	laneGap       = 4  // empty columns at the end of a lane
	shownWhole    = 14 // operations of a history that is shown whole
	shownWrites   = 2  // writes before the conflict
	shownOverlaps = 10 // operations during the conflict
	shownLast     = 10 // operations, if it is not known which contradict each other
)

// Explanations of the timeline, the last three if they apply.
const (
	howToRead = "Each column is one user; time runs down, in microseconds. ┌ is a call, └ its return, ─ both with nothing " +
		"in between. A1, B1, … are the changes by users A, B, …; version n is the session after its n-th change. " +
		"► marks the operations that contradict each other."
	howToReadIncarnations = " An incarnation of the session lasts from a creation to the next deletion; it has the name " +
		"of the change that created it."
	howToReadSuspects = " ? marks a possible cause."
	howToReadNotes    = " Behind a colon stands the request, behind → the status of its answer."
	howToReadWork     = " ┃ is work in the session, between reading and writing it: only one user at a time may do it."
)

// Draw draws a violation as text: its history with one column per user, time running down and the conflicting
// operations marked, and below it an explanation and what it means for the users of the sessions. Long stretches without
// conflicts are folded. Without a history it shows the stacks of the goroutines. Many users at once may need more than the
// page's width.
func Draw(page *sheet.Text, v *history.Violation) {
	if v.History != nil && len(v.History.Ops) > 0 {
		t := newTimeline(v)
		page.Paragraph("", t.howToRead(), sheet.Dim)
		page.Line("")
		t.draw(page)
		page.Line("")
	}
	page.Line(page.Paint(sheet.Alarm, "✗ "+sheet.Clean(string(v.Anomaly))))
	page.Paragraph("  ", sheet.Sentence(v.Why), sheet.Plain)
	if how := v.Mechanism(); how != "" {
		page.Paragraph("  ", sheet.Sentence(how), sheet.Plain)
	}
	if len(v.Causes) > 0 {
		page.Line("  Possible causes, which the history does not prove:")
		for _, cause := range v.Causes {
			page.Paragraph("  - ", cause, sheet.Plain)
		}
	}
	if means := v.Consequence(); means != "" {
		page.Paragraph("  ", "That means: "+means, sheet.Plain)
	}
	if v.Stacks != "" {
		page.Line("")
		DrawStacks(page, v.Stacks)
	}
}

// DrawStacks shows the traces of goroutines, those at the same place once.
func DrawStacks(page *sheet.Text, stacks string) {
	for text := range strings.SplitSeq(shortStacks(stacks), "\n") {
		page.Line("  " + sheet.Clean(text))
	}
}

// timeline is a history with the choice of the operations to draw.
type timeline struct {
	ops          []history.Op
	conflict     map[int]bool
	suspect      map[int]bool // possible causes
	shown        map[int]bool
	works        bool        // work in the session is shown
	notes        bool        // of requests and answers
	users        []int32     // left to right
	widths       []int       // of the users' lanes
	old          bool        // the conflict shows in the newest messages
	incarnations bool        // several are shown
	end          *history.Op // the deletion that a conflicting operation outlived, nil: none
	origin       int64       // the first call shown, on the recording's clock
}

// howToRead explains the drawing.
func (t *timeline) howToRead() string {
	how := howToRead
	if t.incarnations {
		how += howToReadIncarnations
	}
	if len(t.suspect) > 0 {
		how += howToReadSuspects
	}
	if t.works {
		how += howToReadWork
	}
	if t.notes {
		how += howToReadNotes
	}
	return how
}

// row is one line of the drawing.
type row struct {
	at     int64
	op     int
	begins bool
	works  bool // it works in the session from here on, at the latest
	ends   bool
	folded int // operations not shown, in place of one
	when   when
}

// when is the time of folded operations, relative to the conflict.
type when uint8

const (
	earlier when = iota
	between
	later
)

func newTimeline(v *history.Violation) *timeline {
	t := &timeline{
		ops: v.History.Ops, conflict: map[int]bool{}, suspect: map[int]bool{}, shown: map[int]bool{},
		origin: history.Never, end: v.OutlivedDeletion(),
		old: v.Anomaly == history.StaleRead || v.Anomaly == history.DeletedRead,
	}
	for _, i := range v.Conflict {
		if v.Op(i) != nil {
			t.conflict[i] = true
		}
	}
	t.choose()
	for _, i := range v.Suspects {
		if v.Op(i) != nil {
			t.shown[i], t.suspect[i] = true, true
		}
	}
	seen := map[history.Tag]bool{}
	for i := range t.shown {
		op := &t.ops[i]
		if !slices.Contains(t.users, op.User) {
			t.users = append(t.users, op.User)
		}
		if op.TookPlace() {
			if incarnation := op.MetIncarnation(); incarnation != 0 {
				seen[incarnation] = true
			}
		}
		t.works = t.works || t.working(i)
		t.notes = t.notes || op.Note != ""
	}
	slices.Sort(t.users)
	t.incarnations = len(seen) > 1
	return t
}

// choose selects the operations to draw: the conflicting ones, those that overlap them, the creation and the removal of
// their incarnations, and the last writes before them.
func (t *timeline) choose() {
	if len(t.ops) <= shownWhole {
		for i := range t.ops {
			t.shown[i] = true
		}
		return
	}
	if len(t.conflict) == 0 {
		all := make([]int, len(t.ops))
		for i := range all {
			all[i] = i
		}
		t.showLast(all, shownLast, func(op *history.Op) int64 { return op.Return })
		return
	}
	first, incarnations := int64(history.Never), map[history.Tag]bool{}
	for i := range t.conflict {
		t.shown[i] = true
		op := &t.ops[i]
		first = min(first, op.Call)
		if op.TookPlace() {
			incarnations[op.MetIncarnation()] = true
		}
	}
	var before, during []int
	for i := range t.ops {
		op := &t.ops[i]
		if op == t.end {
			t.shown[i] = true
			continue
		}
		incarnation := op.MetIncarnation()
		known := op.MayChange() && op.TookPlace() && incarnations[incarnation]
		switch {
		case t.conflict[i]:
		case known && incarnation != 0 && !op.Kind.Writes():
			t.shown[i] = true
		case t.overlapsConflict(op):
			during = append(during, i)
		case known && op.Return < first:
			before = append(before, i)
		}
	}
	called := func(op *history.Op) int64 { return op.Call }
	t.showLast(before, shownWrites, called)
	t.showLast(during, shownOverlaps, called)
}

func (t *timeline) overlapsConflict(op *history.Op) bool {
	for i := range t.conflict {
		if f := &t.ops[i]; !f.Precedes(op) && !op.Precedes(f) {
			return true
		}
	}
	return false
}

// showLast shows the n operations of list with the latest times.
func (t *timeline) showLast(list []int, n int, time func(*history.Op) int64) {
	slices.SortFunc(list, func(i, j int) int { return cmp.Compare(time(&t.ops[i]), time(&t.ops[j])) })
	for _, i := range list[max(0, len(list)-n):] {
		t.shown[i] = true
	}
}

// rows returns the rows of the drawing: one for each call and return, or one for both if nothing lies between them.
func (t *timeline) rows() []row {
	events := t.events()
	folded := make([][]int, len(events)+1) // before each event
	for i := range t.ops {
		if !t.shown[i] {
			at, _ := slices.BinarySearchFunc(events, t.ops[i].Return, func(e row, at int64) int { return cmp.Compare(e.at, at) })
			folded[at] = append(folded[at], i)
		}
	}
	if t.unfold(folded) {
		return t.rows()
	}
	var rows []row
	when := earlier
	for k := 0; k < len(events); k++ {
		if n := len(folded[k]); n > 0 {
			rows = append(rows, row{folded: n, when: when})
		}
		e := events[k]
		if t.conflict[e.op] || len(t.conflict) == 0 {
			when = between
		}
		if e.begins && k+1 < len(events) && events[k+1].op == e.op && events[k+1].ends && len(folded[k+1]) == 0 {
			e.ends = true
			k++
		}
		rows = append(rows, e)
	}
	if n := len(folded[len(events)]); n > 0 {
		rows = append(rows, row{folded: n, when: later})
	}
	return rows
}

// events returns the calls and returns shown, in the order of time.
func (t *timeline) events() (events []row) {
	for i := range t.shown {
		op := &t.ops[i]
		events = append(events, row{at: op.Call, op: i, begins: true})
		if t.working(i) {
			events = append(events, row{at: max(op.Call, op.Return-op.Hold), op: i, works: true})
		}
		if op.Return != history.Never {
			events = append(events, row{at: op.Return, op: i, ends: true})
		}
	}
	slices.SortFunc(events, func(a, b row) int { // calls first: intervals are closed
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.op, b.op))
	})
	return events
}

// unfold shows single operations, which take no more room than the line that replaces them.
func (t *timeline) unfold(folded [][]int) (some bool) {
	for _, list := range folded {
		if len(list) == 1 && slices.Contains(t.users, t.ops[list[0]].User) {
			t.shown[list[0]], some = true, true
		}
	}
	return some
}

// rank orders the rows of one moment.
func (r row) rank() int {
	switch {
	case r.ends:
		return 2
	case r.works:
		return 1
	}
	return 0
}

// working reports whether the work of operation i in the session is shown: only that of conflicting operations.
func (t *timeline) working(i int) bool {
	op := &t.ops[i]
	return t.conflict[i] && op.Hold > 0 && op.Return != history.Never && op.TookPlace()
}

// draw draws the lanes.
func (t *timeline) draw(p *sheet.Text) {
	rows := append(t.rows(), t.pending()...)
	for i := range t.shown {
		t.origin = min(t.origin, t.ops[i].Call)
	}
	clock := len("0.0")
	for _, r := range rows {
		if r.folded == 0 {
			clock = max(clock, len(t.clock(r.at)))
		}
	}
	gutter := strings.Repeat(" ", 2+clock+2)
	t.measure(p.Columns()-len(gutter), rows)
	head := strings.Repeat(" ", clock) + "µs  "
	for lane, u := range t.users {
		head += pad(history.UserName(u), t.widths[lane])
	}
	p.Line(p.Paint(sheet.Dim, strings.TrimRight(head, " ")))
	open, busy := map[int32]int{}, map[int32]bool{}
	for _, r := range rows {
		if r.folded > 0 {
			p.Line(p.Paint(sheet.Dim, gutter+foldText(r)))
			continue
		}
		t.drawRow(p, r, clock, open, busy)
	}
}

// pending returns rows for the operations shown that did not return.
func (t *timeline) pending() (rows []row) {
	for i := range t.ops {
		if t.shown[i] && t.ops[i].Return == history.Never {
			rows = append(rows, row{at: history.Never, op: i, ends: true})
		}
	}
	return rows
}

// drawRow draws one event, on as many lines as its text needs. open counts the operations under way in each lane; busy
// lanes work in the session.
func (t *timeline) drawRow(p *sheet.Text, r row, clock int, open map[int32]int, busy map[int32]bool) {
	op := &t.ops[r.op]
	mark, ink := "  ", sheet.Plain
	switch {
	case t.conflict[r.op]:
		mark, ink = "► ", sheet.Alarm
	case t.suspect[r.op]:
		mark = "? "
	}
	if r.ends && !r.begins {
		open[op.User]--
		busy[op.User] = false
	}
	first, next := "─ ", "  "
	switch {
	case r.works:
		first, next = "┢ ", "┃ "
		busy[op.User] = true
	case !r.ends:
		first, next = "┌ ", "│ "
	case !r.begins:
		first = "└ "
	}
	width := t.widths[slices.Index(t.users, op.User)]
	for n, text := range wrap(t.text(r), width-laneGap) {
		at := strings.Repeat(" ", clock)
		bullet := next
		if n == 0 {
			at, bullet = fmt.Sprintf("%*s", clock, t.clock(r.at)), first
		} else {
			mark = "  "
		}
		var line strings.Builder
		for lane, u := range t.users {
			switch {
			case u == op.User:
				line.WriteString(p.Paint(ink, bullet+text) + pad("", width-2-utf8.RuneCountInString(text)))
			case busy[u]:
				line.WriteString(pad("┃", t.widths[lane]))
			case open[u] > 0:
				line.WriteString(pad("│", t.widths[lane]))
			default:
				line.WriteString(pad("", t.widths[lane]))
			}
		}
		p.Line(p.Paint(ink, mark) + p.Paint(sheet.Dim, at) + "  " + strings.TrimRight(line.String(), " "))
	}
	if r.begins && !r.ends {
		open[op.User]++
	}
}

// measure makes each lane as wide as its text, and then the widest ones narrower until all fit into room.
func (t *timeline) measure(room int, rows []row) {
	t.widths = make([]int, len(t.users))
	for lane := range t.widths {
		t.widths[lane] = leastLane
	}
	for _, r := range rows {
		if r.folded == 0 {
			lane := slices.Index(t.users, t.ops[r.op].User)
			t.widths[lane] = max(t.widths[lane], utf8.RuneCountInString(t.text(r))+laneGap)
		}
	}
	for {
		sum, widest := 0, 0
		for lane, width := range t.widths {
			sum += width
			if width > t.widths[widest] {
				widest = lane
			}
		}
		if sum <= room || len(t.widths) == 0 || t.widths[widest] == leastLane {
			return
		}
		t.widths[widest]--
	}
}

func (t *timeline) clock(at int64) string {
	if at == history.Never {
		return "–"
	}
	return fmt.Sprintf("%.1f", float64(at-t.origin)/1e3)
}

// text returns the text of a row.
func (t *timeline) text(r row) string {
	op := &t.ops[r.op]
	switch {
	case r.works:
		return fmt.Sprintf("at work in the session by now, %.0f µs long", float64(op.Hold)/1e3)
	case !r.ends:
		return sent(op)
	case !r.begins:
		return "→ " + t.answer(op, r.op)
	}
	return sent(op) + " → " + t.answer(op, r.op)
}

// sent returns what an operation asked for, with the request from its note.
func sent(op *history.Op) string {
	if note := sheet.Clean(op.Sent()); note != "" {
		return op.Request() + ": " + note
	}
	return op.Request()
}

// answer returns the result of operation i, with the status from its note.
func (t *timeline) answer(op *history.Op, i int) string {
	result := t.result(op, t.conflict[i] && !t.old)
	if status := sheet.Clean(op.Status()); status != "" {
		return status + ": " + result
	}
	return result
}

func foldText(r row) string {
	noun := "operations"
	if r.folded == 1 {
		noun = "operation"
	}
	switch r.when {
	case earlier:
		return fmt.Sprintf("… %d earlier %s, all in order", r.folded, noun)
	case later:
		return fmt.Sprintf("… %d later %s", r.folded, noun)
	}
	return fmt.Sprintf("… %d more %s", r.folded, noun)
}

// shownMessages is the number of messages shown of a history that is not in conflict: the newest.
const shownMessages = 3

// result returns an operation's result: "saved as version 3".
func (t *timeline) result(op *history.Op, whole bool) string {
	switch op.Outcome {
	case history.NotFound:
		return "no such session"
	case history.NotApplied:
		return "not applied"
	case history.Indeterminate:
		return "no response: indeterminate"
	case history.RolledBack:
		return "failed, rolled back" + t.place(op, " at ")
	case history.Failed:
		return "failed, changes kept" + t.place(op, ": ")
	}
	switch {
	case op.Kind == history.ReadMessages && op.Parts&history.PartMessages != 0:
		return t.seenAt(op) + messages(op.Messages, whole)
	case op.Kind == history.ReadFields && op.Parts&history.PartFields != 0:
		return t.seenAt(op) + fields(op.Fields)
	case op.Kind.Creates():
		if op.Created {
			if t.incarnations {
				return "created " + op.MetIncarnation().String()
			}
			return "created"
		}
		return "found" + t.place(op, " at ")
	case op.Kind.Removes():
		return "deleted" + t.place(op, " at ")
	case op.Kind.Writes():
		return "saved" + t.place(op, " as ")
	}
	return "done" + t.place(op, " at ")
}

// seenAt returns the version of a read, with a colon.
func (t *timeline) seenAt(op *history.Op) string {
	if p := t.place(op, ""); p != "" {
		return p + ": "
	}
	return ""
}

// place returns the version and the incarnation that the operation returned, after before; empty if neither.
func (t *timeline) place(op *history.Op, before string) string {
	var text string
	switch {
	case op.Parts&history.PartVersion != 0:
		text = fmt.Sprintf("version %d", op.Version)
	case op.Parts&history.PartSeq != 0 && op.Kind.Writes() && op.Kind != history.Update:
		text = fmt.Sprintf("message %d", op.Seq)
	}
	if t.incarnations && op.Parts&history.PartIncarnation != 0 {
		text = strings.TrimPrefix(text+" of "+op.Incarnation.String(), " of ")
	}
	if text == "" {
		return ""
	}
	return before + text
}

func messages(list []history.Tag, whole bool) string {
	if len(list) == 0 {
		return "no messages"
	}
	var text strings.Builder
	if left := len(list) - shownMessages; left > 0 && !whole {
		text.WriteString("… ")
		list = list[left:]
	}
	for i, m := range list {
		if i > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(m.String())
	}
	return text.String()
}

func fields(f [2]history.Tag) string {
	switch {
	case f[0] != f[1]:
		return fmt.Sprintf("%s and %s", f[0], f[1])
	case f[0] == 0:
		return "no fields"
	}
	return fmt.Sprintf("both are %s", f[0])
}

// wrap breaks text into lines of at most width columns, within words only if a word is longer.
func wrap(text string, width int) (lines []string) {
	for line := range strings.SplitSeq(sheet.Wrap(text, width), "\n") {
		for part := range slices.Chunk([]rune(line), width) {
			lines = append(lines, string(part))
		}
	}
	return lines
}

func pad(text string, width int) string { return fmt.Sprintf("%-*s", max(0, width), text) }
