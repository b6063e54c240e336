package httptarget

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/itchyny/gojq"
)

// expression is a program of jq, compiled. It may be used concurrently.
type expression struct {
	source string
	code   *gojq.Code
	shape  *shape        // nil: not one of the usual forms
	limit  time.Duration // of one run
}

// jqLimit is far above what a program that ends needs for the largest body.
const jqLimit = 5 * time.Second

func compileJQ(source string) (*expression, error) {
	query, err := gojq.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("jq: %q: %w", source, err)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, fmt.Errorf("jq: %q: %w", source, err)
	}
	return &expression{source, code, shapeOf(source), jqLimit}, nil
}

// document is the body of an answer, decoded once and only if an expression needs it. Server-sent events are a list of their
// data.
type document struct {
	body    []byte
	events  bool
	decoded bool
	value   any
	err     error
}

func (d *document) decode() (any, error) {
	switch {
	case d.decoded:
	case d.events:
		list := []any{}
		for line := range bytes.Lines(d.body) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			v, err := decodeJSON(line)
			if err != nil {
				v = string(line)
			}
			list = append(list, v)
		}
		d.value = list
	default:
		if d.value, d.err = decodeJSON(d.body); d.err != nil {
			d.err = fmt.Errorf("the body is not JSON: %w", d.err)
		}
	}
	d.decoded = true
	return d.value, d.err
}

func decodeJSON(text []byte) (v any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // ids may be longer than the 53 bits of a float64
	if err = decoder.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("data after the value")
	}
	return v, nil
}

// each calls yield for each value that the program returns, until it returns an error.
func (x *expression) each(d *document, yield func(v any) error) error {
	v, err := d.decode()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), x.limit)
	defer cancel()
	values := x.code.RunWithContext(ctx, v)
	for {
		v, ok := values.Next()
		if !ok {
			return nil
		}
		err, failed := v.(error)
		switch {
		case failed && ctx.Err() != nil:
			return fmt.Errorf("jq: %s has not ended after %v", x.source, x.limit)
		case failed:
			return fmt.Errorf("jq: %s: %w", x.source, err)
		}
		if err := yield(v); err != nil {
			return fmt.Errorf("jq: %s: %w", x.source, err)
		}
	}
}

// errStop ends the values of a program early.
var errStop = errors.New("stop")

// one returns the first value of the program.
func (x *expression) one(d *document) (first any, err error) {
	found := false
	err = x.each(d, func(v any) error {
		first, found = v, true
		return errStop
	})
	if errors.Is(err, errStop) {
		err = nil
	} else if err == nil && !found {
		err = fmt.Errorf("jq: %s returns no value", x.source)
	}
	return first, err
}

// integer returns a whole number from 0.
func (x *expression) integer(d *document) (uint64, error) {
	if x.shape != nil && !d.events {
		if n, ok := x.shape.integer(d.body); ok {
			return n, nil
		}
	}
	v, err := x.one(d)
	if err != nil {
		return 0, err
	}
	n, ok := toInteger(v)
	if !ok {
		return 0, fmt.Errorf("jq: %s returns %s: want a whole number", x.source, describe(v))
	}
	return n, nil
}

func (x *expression) bool(d *document) (bool, error) {
	v, err := x.one(d)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("jq: %s returns %s: want true or false", x.source, describe(v))
	}
	return b, nil
}

// scalar returns a string, a number or a boolean.
func (x *expression) scalar(d *document) (value, error) {
	if x.shape != nil && !d.events {
		if v, ok := x.shape.scalar(d.body); ok {
			return v, nil
		}
	}
	v, err := x.one(d)
	if err != nil {
		return value{}, err
	}
	switch v := v.(type) {
	case string:
		return value{text: v}, nil
	case nil, map[string]any, []any:
		return value{}, fmt.Errorf("jq: %s returns %s: want a string or a number", x.source, describe(v))
	default:
		text, err := gojq.Marshal(v)
		return value{text: string(text), literal: true}, err
	}
}

func toInteger(v any) (n uint64, ok bool) {
	switch v := v.(type) {
	case int:
		return uint64(v), v >= 0
	case float64:
		return uint64(v), v >= 0 && v < 1<<53 && v == math.Trunc(v)
	case json.Number:
		if n, err := strconv.ParseUint(string(v), 10, 64); err == nil {
			return n, true
		}
		f, err := v.Float64()
		return uint64(f), err == nil && f >= 0 && f < 1<<53 && f == math.Trunc(f)
	}
	return 0, false
}

// describe returns a value of JSON for an error.
func describe(v any) string {
	text, err := gojq.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return clip(string(text))
}

// clip shortens a text for an error.
func clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	n := most
	for n > 0 && text[n]&0xC0 == 0x80 {
		n--
	}
	return text[:n] + "…"
}
