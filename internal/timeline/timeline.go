package timeline

import (
	"bufio"
	"cmp"
	"fmt"
	"github.com/sessbench/sessbench/internal/history"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The timeline's bounds.
const (
	defaultColumns = 100
	leastLane      = 12 // columns, below which words would be cut to pieces: the timeline gets wider instead
	laneGap        = 4  // columns that a lane's words leave free
	leastText      = 40 // columns of running text
	shownWhole     = 14 // operations of a history that is short enough to be shown as it is
	shownWrites    = 2  // writes before the fault, to show what there was
	shownOverlaps  = 10 // operations during the fault
	shownLast      = 10 // operations, where nobody knows which are at fault
)

// howToRead explains the timeline.
const howToRead = "Each column is one user; time runs down, in microseconds. ┌ asks, └ is told, ─ is both with nothing in between. " +
	"A1, B1, … are the changes that users A, B, … made, version n is the session after its n-th change, and a life of it lasts from " +
	"a creation to the next deletion. ► marks what does not fit together."

// howToReadSuspects explains the marks of operations that are likely to have caused the violation.
const howToReadSuspects = " ? marks what may have caused it."

// howToReadWork explains what is drawn of work in the session.
const howToReadWork = " ┃ is at work in the session, between reading and writing it, where only one may be at a time."

// Timeline draws a violation for people: its history as one column a user, time going down, the operations at fault
// marked, what led to them, and beneath it what happened and what that means, in everyday words. Long uneventful stretches
// are folded. Where there is no history it shows who holds and who waits.
//
// columns is the width to keep to, 0 means 100; many users at once may need more. color marks with ANSI sequences. Control
// characters in what a store said do not get through. The error is that of w.
func Write(w io.Writer, v *history.Violation, columns int, color bool) error {
	if columns <= 0 {
		columns = defaultColumns
	}
	p := &pen{w: bufio.NewWriter(w), columns: columns, color: color}
	if v.History != nil && len(v.History.Ops) > 0 {
		t, how := newTimeline(v), howToRead
		if len(t.suspect) > 0 {
			how += howToReadSuspects
		}
		if t.works {
			how += howToReadWork
		}
		p.paragraph("", how, styleDim)
		p.line("")
		t.draw(p)
		p.line("")
	}
	p.line(p.paint(styleFault, "✗ "+plain(string(v.Anomaly))))
	p.paragraph("  ", sentence(v.Why), styleNone)
	if how := v.Mechanism(); how != "" {
		p.paragraph("  ", sentence(how), styleNone)
	}
	if len(v.Causes) > 0 {
		p.line("  Possible causes, which the history does not prove:")
		for _, cause := range v.Causes {
			for n, l := range wrap(plain(cause), max(leastText, p.columns-4)) {
				p.line([]string{"  - ", "    "}[min(n, 1)] + l)
			}
		}
	}
	if means := v.Consequence(); means != "" {
		p.paragraph("  ", "That means: "+means, styleNone)
	}
	if v.Stacks != "" {
		p.line("")
		for text := range strings.SplitSeq(shortStacks(v.Stacks), "\n") {
			p.line(strings.TrimRight("  "+plain(text), " "))
		}
	}
	return p.w.Flush()
}

// timeline is what is drawn of a history.
type timeline struct {
	ops     []history.Op
	fault   map[int]bool
	suspect map[int]bool // likely to have caused it
	shown   map[int]bool
	works   bool        // the work in the session of some of them is shown
	users   []int32     // with something to show, left to right
	widths  []int       // of their lanes
	old     bool        // the fault is that something had been there or gone before, so the newest messages tell it
	lives   bool        // more than one life of the session is shown, so they need their names
	end     *history.Op // the deletion that an operation at fault outlived, nil: none
	origin  int64       // the first call shown, on the recording's clock
}

// row is one line of the drawing.
type row struct {
	at     int64
	op     int
	begins bool
	works  bool // it is at work in the session from here on, at the latest
	ends   bool
	folded int // operations not shown, in place of one
	when   when
}

// when is the time of folded operations, seen from the fault.
type when uint8

const (
	earlier when = iota
	between
	later
)

func newTimeline(v *history.Violation) *timeline {
	t := &timeline{ops: v.History.Ops, fault: map[int]bool{}, suspect: map[int]bool{}, shown: map[int]bool{}, origin: history.Never, end: v.OutlivedDeletion()}
	t.old = v.Anomaly == history.StaleRead || v.Anomaly == history.DeletedRead
	for _, i := range v.Conflict {
		if v.Op(i) != nil {
			t.fault[i] = true
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
			if life := op.MetIncarnation(); life != 0 {
				seen[life] = true
			}
		}
		t.works = t.works || t.working(i)
	}
	slices.Sort(t.users)
	t.lives = len(seen) > 1
	return t
}

// choose finds what is needed to understand the fault: the operations at fault, what overlaps them, the beginning and the
// end of the lives that they met, and the last writes before them.
func (t *timeline) choose() {
	if len(t.ops) <= shownWhole {
		for i := range t.ops {
			t.shown[i] = true
		}
		return
	}
	if len(t.fault) == 0 {
		byReturn := make([]int, len(t.ops))
		for i := range byReturn {
			byReturn[i] = i
		}
		slices.SortFunc(byReturn, func(i, j int) int { return cmp.Compare(t.ops[i].Return, t.ops[j].Return) })
		for _, i := range byReturn[len(byReturn)-shownLast:] {
			t.shown[i] = true
		}
		return
	}
	first, lives := int64(history.Never), map[history.Tag]bool{}
	for i := range t.fault {
		t.shown[i] = true
		op := &t.ops[i]
		first = min(first, op.Call)
		if op.TookPlace() {
			life := op.MetIncarnation()
			lives[life] = true
		}
	}
	end := t.end
	var before, during []int
	for i := range t.ops {
		op := &t.ops[i]
		if op == end {
			t.shown[i] = true
			continue
		}
		life := op.MetIncarnation()
		known := op.MayChange() && op.TookPlace() && lives[life]
		switch {
		case t.fault[i]:
		case known && life != 0 && !op.Kind.Writes():
			t.shown[i] = true
		case t.overlapsFault(op):
			during = append(during, i)
		case known && op.Return < first:
			before = append(before, i)
		}
	}
	t.showLast(before, shownWrites)
	t.showLast(during, shownOverlaps)
}

func (t *timeline) overlapsFault(op *history.Op) bool {
	for i := range t.fault {
		if f := &t.ops[i]; !f.Precedes(op) && !op.Precedes(f) {
			return true
		}
	}
	return false
}

// showLast shows the n of list that were called last.
func (t *timeline) showLast(list []int, n int) {
	slices.SortFunc(list, func(i, j int) int { return cmp.Compare(t.ops[i].Call, t.ops[j].Call) })
	for _, i := range list[max(0, len(list)-n):] {
		t.shown[i] = true
	}
}

// rows are the lines of the drawing: a call and a return each have one, and share it where nothing lies between them.
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
		if t.fault[e.op] || len(t.fault) == 0 {
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

// events are the calls and returns shown, in the order of time.
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
	slices.SortFunc(events, func(a, b row) int { // calls first: the ends of an interval belong to it
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.op, b.op))
	})
	return events
}

// unfold shows what takes no more room than to say that it is not shown.
func (t *timeline) unfold(folded [][]int) (some bool) {
	for _, list := range folded {
		if len(list) == 1 && slices.Contains(t.users, t.ops[list[0]].User) {
			t.shown[list[0]], some = true, true
		}
	}
	return some
}

// rank is the order of the rows of one moment.
func (r row) rank() int {
	switch {
	case r.ends:
		return 2
	case r.works:
		return 1
	}
	return 0
}

// working reports whether the work in the session of operation i is shown: only of those at fault, to show that it overlapped.
func (t *timeline) working(i int) bool {
	op := &t.ops[i]
	return t.fault[i] && op.Hold > 0 && op.Return != history.Never && op.TookPlace()
}

// draw draws the lanes.
func (t *timeline) draw(p *pen) {
	rows := append(t.rows(), t.unanswered()...)
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
	t.measure(p.columns-len(gutter), rows)
	head := strings.Repeat(" ", clock) + "µs  "
	for lane, u := range t.users {
		head += pad(history.UserName(u), t.widths[lane])
	}
	p.line(p.paint(styleDim, strings.TrimRight(head, " ")))
	open, busy := map[int32]int{}, map[int32]bool{}
	for _, r := range rows {
		if r.folded > 0 {
			p.line(p.paint(styleDim, gutter+foldText(r)))
			continue
		}
		t.drawRow(p, r, clock, open, busy)
	}
}

// unanswered are rows for the operations shown that nobody saw the end of.
func (t *timeline) unanswered() (rows []row) {
	for i := range t.ops {
		if t.shown[i] && t.ops[i].Return == history.Never {
			rows = append(rows, row{at: history.Never, op: i, ends: true})
		}
	}
	return rows
}

// drawRow draws one event, on as many lines as its words need in their lane. open counts the operations under way in each lane;
// those that are busy work in the session.
func (t *timeline) drawRow(p *pen, r row, clock int, open map[int32]int, busy map[int32]bool) {
	op := &t.ops[r.op]
	mark, ink := "  ", styleNone
	switch {
	case t.fault[r.op]:
		mark, ink = "► ", styleFault
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
				line.WriteString(p.paint(ink, bullet+text) + pad("", width-2-utf8.RuneCountInString(text)))
			case busy[u]:
				line.WriteString(pad("┃", t.widths[lane]))
			case open[u] > 0:
				line.WriteString(pad("│", t.widths[lane]))
			default:
				line.WriteString(pad("", t.widths[lane]))
			}
		}
		p.line(p.paint(ink, mark) + p.paint(styleDim, at) + "  " + strings.TrimRight(line.String(), " "))
	}
	if r.begins && !r.ends {
		open[op.User]++
	}
}

// measure makes each lane as wide as its words need, and the widest ones narrower until all fit into room.
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

// text is what a row says.
func (t *timeline) text(r row) string {
	op := &t.ops[r.op]
	switch {
	case r.works:
		return fmt.Sprintf("at work in the session by now, %.0f µs long", float64(op.Hold)/1e3)
	case !r.ends:
		return asked(op)
	case !r.begins:
		return "→ " + t.answered(op, t.fault[r.op] && !t.old)
	}
	return asked(op) + " → " + t.answered(op, t.fault[r.op] && !t.old)
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

// asked is an operation without its answer: "append A7".
func asked(op *history.Op) string {
	switch op.Kind {
	case history.GetOrCreate:
		return "get or create"
	case history.Append:
		return "append " + op.Tag.String()
	case history.Nested:
		return fmt.Sprintf("append %s and %s in one update", op.Tag, op.Tag+1)
	case history.Update:
		return fmt.Sprintf("set both fields to %s", op.Tag)
	case history.ReadMessages:
		return "read history"
	case history.ReadFields:
		return "read fields"
	case history.SweepRead:
		return "sweep: look"
	}
	return op.Kind.String()
}

// shownMessages is how many messages of a history are shown where it is not at fault: the newest.
const shownMessages = 3

// answered is what an operation was told: "version 3".
func (t *timeline) answered(op *history.Op, whole bool) string {
	switch op.Outcome {
	case history.NotFound:
		return "no such session"
	case history.NotApplied:
		return "refused, not applied"
	case history.Indeterminate:
		return "no answer yet: applied or not, nobody knows"
	case history.RolledBack:
		return "failed, undone" + t.place(op, " at ")
	case history.Failed:
		return "failed, what it changed stays" + t.place(op, ": ")
	}
	switch {
	case op.Kind == history.ReadMessages && op.Parts&history.PartMessages != 0:
		return t.seenAt(op) + messages(op.Messages, whole)
	case op.Kind == history.ReadFields && op.Parts&history.PartFields != 0:
		return t.seenAt(op) + fields(op.Fields)
	case op.Kind.Creates():
		if op.Created {
			if t.lives {
				life := op.MetIncarnation()
				return "created life " + life.String()
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

// seenAt is the place of what a read was shown, before it.
func (t *timeline) seenAt(op *history.Op) string {
	if p := t.place(op, ""); p != "" {
		return p + ": "
	}
	return ""
}

// place is the version and the life that the operation was told, after before; empty where it was told neither.
func (t *timeline) place(op *history.Op, before string) string {
	var text string
	switch {
	case op.Parts&history.PartVersion != 0:
		text = fmt.Sprintf("version %d", op.Version)
	case op.Parts&history.PartSeq != 0 && op.Kind.Writes() && op.Kind != history.Update:
		text = fmt.Sprintf("message %d", op.Seq)
	}
	if t.lives && op.Parts&history.PartIncarnation != 0 {
		text = strings.TrimPrefix(text+" of life "+op.Incarnation.String(), " of ")
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

// style is an ANSI sequence, or none.
type style string

const (
	styleNone  style = ""
	styleFault style = "\x1b[1;31m" // bold and red
	styleDim   style = "\x1b[2m"
)

// styleEnd ends any style.
const styleEnd = "\x1b[0m"

// pen writes lines and keeps the width. Errors are those of w's Flush.
type pen struct {
	w       *bufio.Writer
	columns int
	color   bool
}

func (p *pen) line(text string) { fmt.Fprintln(p.w, text) }

func (p *pen) paint(s style, text string) string {
	if !p.color || s == styleNone || strings.TrimSpace(text) == "" {
		return text
	}
	return string(s) + text + styleEnd
}

// paragraph writes running text behind an indent.
func (p *pen) paragraph(indent, text string, s style) {
	for _, l := range wrap(plain(text), max(leastText, p.columns-len(indent))) {
		p.line(indent + p.paint(s, l))
	}
}

// wrap breaks text between words into lines of at most width columns; a longer word is broken where it must be.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch n := utf8.RuneCountInString(line) + 1 + utf8.RuneCountInString(word); {
		case line == "":
			line = word
		case n <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
		for utf8.RuneCountInString(line) > width {
			r := []rune(line)
			lines, line = append(lines, string(r[:width])), string(r[width:])
		}
	}
	return append(lines, line)
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

// plain keeps text from steering the terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case !unicode.IsPrint(r) && r != ' ':
			return '·'
		}
		return r
	}, text)
}

// sentence gives text a capital letter and a full stop, unless it begins with a name or ends with a mark of its own.
func sentence(text string) string {
	r := []rune(strings.TrimSpace(text))
	if len(r) == 0 {
		return ""
	}
	r[0] = unicode.ToUpper(r[0])
	if !strings.ContainsRune(".!?…", r[len(r)-1]) {
		r = append(r, '.')
	}
	return string(r)
}
