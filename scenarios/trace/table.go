package trace

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// table parses rows under a header. Fields separated by commas or semicolons may be quoted (RFC 4180), those separated by
// tabs or blanks not.
type table struct {
	comma    byte
	columns  int           // in the header
	headless bool          // the first line is a row, and columns are named by number
	at       [numRoles]int // the column of each role, or -1
	cells    [][]byte
	feed     *bytes.Reader // what the csv reader reads: one record at a time
	quoted   *csv.Reader
}

func newTable(comma byte) *table {
	t := &table{comma: comma, feed: bytes.NewReader(nil)}
	t.renew()
	return t
}

// renew drops what the csv reader has read ahead, which may be the rest of a record after an error.
func (t *table) renew() {
	t.quoted = csv.NewReader(t.feed)
	t.quoted.Comma = rune(t.comma)
	t.quoted.FieldsPerRecord = -1
	t.quoted.ReuseRecord = true
}

// header reads the first line and returns the column of each role.
func (t *table) header(line []byte, given map[string]string) (bound [numRoles]string, err error) {
	if err := t.split(line); err != nil {
		return bound, fmt.Errorf("header: %w", err)
	}
	names := make([]string, len(t.cells))
	for i, cell := range t.cells {
		names[i] = string(bytes.TrimSpace(cell))
	}
	t.columns = len(names)
	data, numeric := dataAmong(names)
	if t.headless = byNumber(given, names); t.headless {
		for i := range names {
			names[i] = strconv.Itoa(i + 1)
		}
	}
	bound, err = bindRoles(given, hasIn(names), names)
	// A row may hold a well-known name by chance.
	if !t.headless && (err != nil && numeric > 0 || len(given) == 0 && 2*numeric > len(names)) {
		return bound, fmt.Errorf("no header: the first line holds data (%q): name the columns by number, "+
			"--trace-columns session=1,time=2, or add a line that names them", clip(data))
	}
	for r := range numRoles {
		t.at[r] = -1
		if bound[r] != "" {
			t.at[r] = slices.Index(names, bound[r])
		}
	}
	return bound, err
}

// dataAmong counts the cells that are data, and returns the first of them.
func dataAmong(cells []string) (first string, n int) {
	for _, cell := range cells {
		if isData(cell) {
			if n++; n == 1 {
				first = cell
			}
		}
	}
	return first, n
}

// isData reports whether a cell is a number or a time, and so not the name of a column.
func isData(cell string) bool {
	_, notNumber := strconv.ParseFloat(cell, 64)
	_, notTime := parseRFC3339(cell)
	return notNumber == nil || notTime == nil
}

// byNumber reports whether columns are named by number and there is no header in which such a name occurs.
func byNumber(given map[string]string, names []string) bool {
	session, ok := given[roleSession.String()]
	if !ok || slices.Contains(names, session) {
		return false
	}
	for _, name := range given {
		if n, err := strconv.Atoi(name); name != "" && (err != nil || n < 1) {
			return false
		}
	}
	return true
}

// parse is a parser. Surplus fields are fine as long as they are empty.
func (t *table) parse(line []byte, r *row) error {
	if err := t.split(line); err != nil {
		return err
	}
	if len(t.cells) < t.columns {
		return fmt.Errorf("%d fields: want %d as in the header", len(t.cells), t.columns)
	}
	for i, cell := range t.cells[t.columns:] {
		if len(cell) > 0 {
			return fmt.Errorf("field %d, %q, has no column: the header names %d", t.columns+i+1, clip(cell), t.columns)
		}
	}
	for role, i := range t.at {
		r[role] = nil
		if i >= 0 {
			r[role] = t.cells[i]
		}
	}
	return nil
}

// split splits line into cells. Most lines have no quotes, and for those encoding/csv takes several times as long.
func (t *table) split(line []byte) error {
	t.cells = t.cells[:0]
	switch {
	case t.comma == ' ':
		t.cells = append(t.cells, bytes.Fields(line)...)
		return nil
	case t.comma != '\t' && bytes.IndexByte(line, '"') >= 0:
		return t.splitQuoted(line)
	}
	for {
		i := bytes.IndexByte(line, t.comma)
		if i < 0 {
			t.cells = append(t.cells, line)
			return nil
		}
		t.cells = append(t.cells, line[:i:i])
		line = line[i+1:]
	}
}

func (t *table) splitQuoted(line []byte) error {
	t.feed.Reset(line)
	fields, err := t.quoted.Read()
	if wrong := new(csv.ParseError); errors.As(err, &wrong) {
		t.renew()
		if wrong.Err == csv.ErrQuote && oddQuotes(line) {
			return errOpenQuote
		}
		return wrong.Err
	}
	if err != nil {
		return err
	}
	for _, field := range fields {
		t.cells = append(t.cells, []byte(field))
	}
	return nil
}
