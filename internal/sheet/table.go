package sheet

import (
	"cmp"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/tw"
)

// Table is a table of cells with figures and words, the same in every format.
type Table struct {
	Columns []Column
	Rows    [][]Cell // as long as Columns
}

// Column is a column of a [Table].
type Column struct {
	Title string
	Left  bool // names and words; figures are on the right
	Spare int  // the order in which columns go where there is no room: the highest first, 0 never
	// Group divides a table that is still too wide: the columns of a group stay together, and those of group 0 are in each part.
	Group int
	// Prose is a last column of sentences. They get the rest of the width; where that is too narrow they stand below the table.
	Prose bool
}

// least is the least width of the column, whatever is in it.
func (c Column) least() int {
	if c.Prose {
		return max(leastProse, width(c.Title))
	}
	return width(c.Title)
}

// Cell is a figure or a word, and what belongs to it: an interval or a sign.
type Cell struct {
	Text, Note string
	Style      Style // of the text
}

// Words returns a table of words, whose last column has sentences.
func Words(titles []string, rows [][]string) *Table {
	t := &Table{}
	for i, title := range titles {
		t.Columns = append(t.Columns, Column{Title: title, Left: true, Prose: i == len(titles)-1})
	}
	for _, row := range rows {
		cells := make([]Cell, len(row))
		for i, text := range row {
			cells[i].Text = text
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// only returns the table with some of its columns.
func (t *Table) only(columns []int) *Table {
	some := &Table{Rows: make([][]Cell, len(t.Rows))}
	for _, i := range columns {
		some.Columns = append(some.Columns, t.Columns[i])
		for r, row := range t.Rows {
			some.Rows[r] = append(some.Rows[r], row[i])
		}
	}
	return some
}

// fitted returns the table with only as many columns as the width allows, 0 for any, and the titles of the others.
func (t *Table) fitted(columns int) (_ *Table, omitted []string) {
	for columns > 0 && t.Width() > columns {
		spare := slices.MaxFunc(t.Columns, func(a, b Column) int { return cmp.Compare(a.Spare, b.Spare) })
		if spare.Spare == 0 {
			break // what is left is what the table is for
		}
		omitted = append(omitted, spare.Title)
		t = t.only(t.where(func(c Column) bool { return c != spare }))
	}
	return t, omitted
}

// divided returns the table in parts that fit into the width, if its groups of columns are narrow enough.
func (t *Table) divided(columns int) (parts []*Table) {
	if columns <= 0 || t.Width() <= columns {
		return []*Table{t}
	}
	common := t.where(func(c Column) bool { return c.Group == 0 })
	part := common
	for group := 1; ; group++ {
		own := t.where(func(c Column) bool { return c.Group == group })
		if own == nil {
			return append(parts, t.only(part))
		}
		next := slices.Sorted(slices.Values(slices.Concat(part, own)))
		if len(part) > len(common) && t.only(next).Width() > columns {
			parts = append(parts, t.only(part))
			next = slices.Concat(common, own)
		}
		part = next
	}
}

// where returns the indices of the columns that match.
func (t *Table) where(match func(c Column) bool) (columns []int) {
	for i, c := range t.Columns {
		if match(c) {
			columns = append(columns, i)
		}
	}
	return columns
}

// texts returns the titles and the texts of the cells. Notes are padded to the widest of their column, so that they and the
// figures before them align. Sentences are wrapped into room columns.
func (t *Table) texts(paint func(s Style, text string) string, room int) (titles []string, rows [][]string) {
	rows = make([][]string, len(t.Rows))
	for i, c := range t.Columns {
		titles = append(titles, Clean(c.Title))
		notes := 0
		for _, row := range t.Rows {
			notes = max(notes, width(row[i].Note))
		}
		for r, row := range t.Rows {
			text := paint(row[i].Style, Clean(row[i].Text))
			switch note := row[i].Note; {
			case c.Prose:
				text = Wrap(text, room)
			case c.Left && note != "":
				text += " " + note
			case !c.Left && notes > 0:
				text += " " + note + strings.Repeat(" ", notes-width(note))
			}
			rows[r] = append(rows[r], text)
		}
	}
	return titles, rows
}

// Width is the number of characters of a line of the table, in which sentences take as little room as possible.
func (t *Table) Width() int {
	total := 0
	_, rows := t.texts(func(_ Style, text string) string { return text }, 0)
	for i, c := range t.Columns {
		widest := c.least()
		for _, row := range rows {
			if !c.Prose {
				widest = max(widest, width(row[i]))
			}
		}
		total += widest + Gap
	}
	return total - Gap
}

func (t *Table) text(page *Text) error {
	table, omitted := t.fitted(page.Width)
	for i, part := range table.divided(page.Width) {
		if i > 0 {
			page.Line("")
		}
		all, left := part, page.Columns()-part.Width()
		if left < 0 {
			part = part.only(part.where(func(c Column) bool { return !c.Prose }))
		}
		align := make([]tw.Align, len(part.Columns))
		for i, c := range part.Columns {
			if align[i] = tw.AlignRight; c.Left {
				align[i] = tw.AlignLeft
			}
		}
		titles, rows := part.texts(page.Paint, left+all.Columns[len(all.Columns)-1].least())
		if err := draw(page, titles, rows, align); err != nil {
			return err
		}
		if len(part.Columns) < len(all.Columns) {
			all.sentences(page)
		}
	}
	if len(omitted) > 0 {
		page.Line("")
		page.Paragraph("", "Omitted for lack of width: "+And(omitted)+".", Plain)
	}
	return nil
}

// sentences writes those of the last column below the table, after the name of their row.
func (t *Table) sentences(page *Text) {
	page.Line("")
	for _, row := range t.Rows {
		if text := row[len(row)-1].Text; text != "" {
			page.Line(strings.ReplaceAll(Wrap(Clean(row[0].Text+": "+text), page.Columns()-Gap), "\n", "\n"+strings.Repeat(" ", Gap)))
		}
	}
}

func (t *Table) markdown(page *markdown) {
	titles, rule := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		titles[i] = page.short(c.Title)
		if rule[i] = "---:"; c.Left {
			rule[i] = "---"
		}
	}
	page.row(titles)
	page.row(rule)
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = strings.TrimSpace(c.Style.marked(page.short(c.Text)) + " " + page.short(c.Note))
		}
		page.row(cells)
	}
	page.end()
}
