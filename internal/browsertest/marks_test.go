package browsertest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// mark is the mark of a value, or the rectangle of a bucket of values, in a figure that is shown.
type mark struct {
	Figure, Series, Variant, X, Y, Note string
	Hit                                 bool
}

func (m *mark) String() string {
	return fmt.Sprintf("%s: %s %s %s %s", m.Figure, m.Series, m.Variant, m.X, m.Y)
}

// describeMark is a function that returns a mark.
const describeMark = `const describe = e => ({Figure: e.closest("figure").id, Series: e.dataset.series || "", Variant: e.dataset.variant || "",
	X: e.dataset.x, Y: e.dataset.y || "", Note: e.dataset.note || "", Hit: e.classList.contains("hit")});
const shows = svg => svg.checkVisibility() && svg.clientHeight > 0;
const marks = () => [...document.querySelectorAll("figure svg [data-x]")].filter(e => shows(e.ownerSVGElement));
const tip = () => [...(document.getElementById("tip") || document.createElement("p")).children].map(e => e.textContent);
`

// tables returns the tables of the figures, with their titles, by the figures' ids.
func tables(p *tab) map[string][][]string {
	return eval[map[string][][]string](p, `() => Object.fromEntries([...document.querySelectorAll("figure")].map(f =>
		[f.id, [...f.querySelectorAll("table tr")].map(row => [...row.cells].map(cell => cell.textContent))]))`)
}

// tooltips returns what the tooltip of a mark may be, in lines: a table may have several rows of equal name and x.
func (m *mark) tooltips(table [][]string) (list [][]string) {
	titles := table[0]
	values := func(row []string, from int) (texts []string) {
		for i := from; i < len(row); i++ {
			if row[i] != "" && titles[i] == "note" {
				texts = append(texts, row[i])
			} else if row[i] != "" {
				texts = append(texts, titles[i]+": "+row[i])
			}
		}
		return texts
	}
	if m.Hit {
		lines := []string{titles[1] + ": " + m.X}
		for _, row := range table[1:] {
			if row[1] == m.X {
				lines = append(lines, strings.Join(append([]string{row[0]}, values(row, 2)...), " · "))
			}
		}
		if len(lines) > 1 {
			list = append(list, lines)
		}
		return list
	}
	title := m.Series
	if m.Variant != "" {
		title += ", " + m.Variant
	}
	for _, row := range table[1:] {
		if row[0] == title && row[1] == m.X && slices.Contains(row, m.Y) && strings.Contains(row[len(row)-1], m.Note) {
			list = append(list, append([]string{title}, values(row, 1)...))
		}
	}
	return list
}

// wrongTooltips moves the pointer to marks: of many, to a part of them (the keyboard reaches all). The tooltip must be the row of a table.
func wrongTooltips(p *tab) (wrong []string) {
	data := tables(p)
	n := eval[int](p, "() => {"+describeMark+"return marks().length}")
	for i := range n {
		if i > 40 && i%5 != 0 && i != n-1 {
			continue
		}
		type place struct {
			X, Y  float64
			Marks []mark // whose middle is there, the i-th first
		}
		at := eval[place](p, `i => {`+describeMark+`
			const list = marks(), e = list[i];
			const middle = e => { const r = e.getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; };
			let [x, y] = middle(e);
			if (y < 150 || y > innerHeight - 50 || x < 0) { e.scrollIntoView({block: "center"}); [x, y] = middle(e); }
			const near = e => { const [a, b] = middle(e); return Math.hypot(a - x, b - y) < 1; };
			return {X: x, Y: y, Marks: [e, ...list.filter(other => other !== e && !e.matches(".hit") && near(other))].map(describe)};
		}`, i)
		m := &at.Marks[0]
		var allowed [][]string
		for j := range at.Marks {
			allowed = append(allowed, at.Marks[j].tooltips(data[at.Marks[j].Figure])...)
		}
		if m.tooltips(data[m.Figure]) == nil {
			wrong = append(wrong, m.String()+" is not in the table")
			continue
		}
		p.run(chromedp.MouseEvent(chromedp.MouseMoved, at.X, at.Y))
		if got := eval[[]string](p, "() => {"+describeMark+"return tip()}"); !slices.ContainsFunc(allowed, func(a []string) bool { return slices.Equal(a, got) }) {
			wrong = append(wrong, fmt.Sprintf("%s: tooltip %q, want %q", m, got, allowed))
		}
		if len(wrong) > 20 {
			return wrong
		}
	}
	p.run(chromedp.MouseEvent(chromedp.MouseMoved, 2, 2))
	if left := eval[[]string](p, "() => {"+describeMark+"return tip()}"); len(left) > 0 {
		wrong = append(wrong, fmt.Sprintf("beside the figures: tooltip %q", left))
	}
	if n == 0 && len(data) > 0 {
		wrong = append(wrong, "figures without marks")
	}
	return wrong
}

// focused is where the focus is.
type focused struct {
	Kind string // button, mark, or the name of an element
	Bar  int    // the index of the button
	SVG  int    // the index of the mark's SVG
	Mark int    // the index of the mark
	Seen bool   // the focus was there before
	Tip  []string
	Ring bool
}

func (p *tab) focus() focused {
	return eval[focused](p, `() => {`+describeMark+focusOf+`return focus()}`)
}

// focusOf is a function that returns where the focus is.
const focusOf = `const focus = () => {
		const e = document.activeElement, svg = e.closest("figure svg"), bar = e.closest(".bar"), ring = document.querySelector(".ring");
		const before = window.focusedBefore ||= new Set(), seen = before.has(e);
		before.add(e);
		return {Kind: svg ? "mark" : bar ? "button" : e.localName, Bar: bar ? [...bar.children].indexOf(e) : -1, SVG: [...document.querySelectorAll("figure svg")].indexOf(svg),
			Mark: marks().indexOf(e), Seen: seen, Tip: tip(), Ring: !!ring && ring.ownerSVGElement === svg && ring.checkVisibility() && getComputedStyle(ring).stroke !== "none"};
	};
`

// walk returns where the focus goes with arrow keys, from the tab stop of the i-th SVG up to the first line, and then along each line.
func (p *tab) walk(i int) []focused {
	return eval[[]focused](p, `i => {`+describeMark+focusOf+`
		const list = [], press = key => {
			document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
			list.push(focus());
			return list.at(-1).Mark;
		};
		const repeat = key => {
			for (let last = -1, at; (at = press(key)) !== last && at >= 0; last = at);
		};
		const stop = document.querySelectorAll("figure svg")[i].querySelector("[tabindex='0']");
		if (!stop) return list;
		stop.focus();
		repeat("ArrowUp");
		for (let last; list.length < 5000;) {
			press("Home");
			repeat("ArrowRight");
			last = list.at(-1).Mark;
			if (press("ArrowDown") === last) return list;
		}
	}`, i)
}

// wrongKeyboard reaches all buttons and figures with the Tab key, and all marks with the arrow keys.
func wrongKeyboard(p *tab) (wrong []string) {
	data := tables(p)
	list := eval[[]mark](p, "() => {"+describeMark+`for (const d of document.querySelectorAll("details.bars")) d.open = true; return marks().map(describe)}`)
	bars := eval[int](p, `() => document.querySelectorAll(".bar button").length`)
	charts := eval[[]int](p, `() => {`+describeMark+`return [...document.querySelectorAll("figure svg")].flatMap((s, i) => shows(s) && s.querySelector("[data-x]") ? [i] : [])}`)
	press := func(key string) focused {
		p.run(chromedp.KeyEvent(key))
		return p.focus()
	}
	buttons, stops, reached := map[int]bool{}, map[int]int{}, map[int]bool{}
	// arrive notes a mark that has the focus, and what is wrong with its tooltip.
	arrive := func(at focused) {
		if at.Kind != "mark" || at.Mark < 0 {
			wrong = append(wrong, fmt.Sprintf("a hidden mark has the focus: %+v", at))
			return
		}
		m := &list[at.Mark]
		reached[at.Mark] = true
		if want := m.tooltips(data[m.Figure]); !slices.ContainsFunc(want, func(w []string) bool { return slices.Equal(w, at.Tip) }) {
			wrong = append(wrong, fmt.Sprintf("%s: tooltip %q, want %q", m, at.Tip, want))
		}
		if !at.Ring {
			wrong = append(wrong, m.String()+": no ring")
		}
	}
	for range 1000 {
		at := press(kb.Tab)
		if at.Kind == "body" || at.Seen {
			break
		}
		switch at.Kind {
		case "button":
			buttons[at.Bar] = true
		case "mark":
			stops[at.SVG]++
			arrive(at)
		}
	}
	for _, i := range charts {
		distinct := map[int]bool{}
		for _, at := range p.walk(i) {
			arrive(at)
			distinct[at.Mark] = true
		}
		if distinct := len(distinct); distinct > 1 { // the keys themselves, from the end of the last line
			from := p.focus().Mark
			for _, key := range []string{kb.ArrowUp, kb.ArrowLeft} {
				arrive(press(key))
			}
			if p.focus().Mark == from {
				wrong = append(wrong, fmt.Sprintf("figure %d: the keys do not move the focus", i))
			}
		}
		if at := press(kb.Escape); stops[i] > 0 && (len(at.Tip) > 0 || at.Kind != "mark" || at.Ring) {
			wrong = append(wrong, fmt.Sprintf("after Escape: %+v", at))
		}
		if len(wrong) > 100 {
			break
		}
	}
	if len(buttons) != bars {
		wrong = append(wrong, fmt.Sprintf("%d of %d buttons are tab stops", len(buttons), bars))
	}
	for i := range list {
		if !reached[i] {
			wrong = append(wrong, list[i].String()+" is not reached by arrow keys")
		}
	}
	for _, i := range charts {
		if stops[i] != 1 {
			wrong = append(wrong, fmt.Sprintf("figure %d has %d tab stops", i, stops[i]))
		}
		delete(stops, i)
	}
	for i, n := range stops {
		wrong = append(wrong, fmt.Sprintf("figure %d is hidden and has %d tab stops", i, n))
	}
	return wrong
}
