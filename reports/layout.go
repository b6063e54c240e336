package reports

import (
	"strings"
	"unicode/utf8"
)

// layout is text in columns, each as wide as its widest cell. Unlike tablewriter it can place
// two columns close together under one title, which aligns the ± and the brackets of values.
type layout struct {
	rows  [][]block
	tight func(column int) bool // the column is one blank away from the one before it, not a gap
}

// block is the text of one or several columns.
type block struct {
	text  string
	right bool
	over  int                      // columns
	style func(text string) string // of the text on the screen; nil: none
}

func left(text string) block        { return block{text: text, over: 1} }
func right(text string) block       { return block{text: text, over: 1, right: true} }
func over(n int, text string) block { return block{text: text, over: n} }

func (l *layout) add(cells ...block) { l.rows = append(l.rows, cells) }

// widths returns the width of every column. If a text over several columns is wider than they
// are, the last of them grows.
func (l *layout) widths() (w []int) {
	for _, single := range []bool{true, false} {
		for _, row := range l.rows {
			column := 0
			for _, c := range row {
				next := column + c.over
				for len(w) < next {
					w = append(w, 0)
				}
				if single == (c.over == 1) {
					w[next-1] += max(0, runes(c.text)-l.room(w, column, next))
				}
				column = next
			}
		}
	}
	return w
}

// room returns the width of some columns with the blanks between them.
func (l *layout) room(w []int, from, to int) (total int) {
	for column := from; column < to; column++ {
		total += w[column]
		if column > from {
			total += l.gap(column)
		}
	}
	return total
}

// gap returns the number of blanks before a column.
func (l *layout) gap(column int) int {
	switch {
	case column == 0:
		return 0
	case l.tight(column):
		return 1
	}
	return gap
}

// width returns the number of characters of a line.
func (l *layout) width() int {
	w := l.widths()
	return l.room(w, 0, len(w))
}

func (l *layout) lines() (lines []string) {
	w := l.widths()
	for _, row := range l.rows {
		var line strings.Builder
		column := 0
		for _, c := range row {
			blanks := strings.Repeat(" ", l.room(w, column, column+c.over)-runes(c.text))
			text := c.text
			if c.style != nil {
				text = c.style(text)
			}
			if c.right {
				text = blanks + text
			} else {
				text += blanks
			}
			line.WriteString(strings.Repeat(" ", l.gap(column)) + text)
			column += c.over
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	return lines
}

func runes(text string) int { return utf8.RuneCountInString(text) }

// draw writes a layout after an empty line, with a rule below its first line.
func (p *page) draw(l *layout) {
	p.line("")
	for i, line := range l.lines() {
		p.line(line)
		if i == 0 {
			p.line(strings.Repeat("─", l.width()))
		}
	}
}
