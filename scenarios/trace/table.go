package trace

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
)

// table parses rows under a header. CSV fields may be quoted (RFC 4180); TSV has no quoting.
type table struct {
	comma   byte
	columns int           // in the header
	at      [numRoles]int // the column of each role, or -1
	cells   [][]byte
	feed    *bytes.Reader // what the csv reader reads: one record at a time
	quoted  *csv.Reader
}

func newTable(comma byte) *table {
	t := &table{comma: comma, feed: bytes.NewReader(nil)}
	t.renew()
	return t
}

// renew drops what the csv reader has read ahead, which after an error can be the rest of a record.
func (t *table) renew() {
	t.quoted = csv.NewReader(t.feed)
	t.quoted.FieldsPerRecord = -1
	t.quoted.ReuseRecord = true
}

// header reads the first line and says which column has which role.
func (t *table) header(line []byte, given map[string]string) (bound [numRoles]string, err error) {
	if err := t.split(line); err != nil {
		return bound, fmt.Errorf("header: %w", err)
	}
	names := make([]string, len(t.cells))
	for i, cell := range t.cells {
		names[i] = string(bytes.TrimSpace(cell))
	}
	t.columns = len(names)
	bound, err = bindRoles(given, hasIn(names), names)
	for r := range numRoles {
		t.at[r] = -1
		if bound[r] != "" {
			t.at[r] = slices.Index(names, bound[r])
		}
	}
	return bound, err
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

// split cuts line into cells. Most lines hold no quote, and for those encoding/csv is several times the work.
func (t *table) split(line []byte) error {
	t.cells = t.cells[:0]
	if t.comma == ',' && bytes.IndexByte(line, '"') >= 0 {
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
