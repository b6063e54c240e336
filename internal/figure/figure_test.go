package figure

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// element is an element of an SVG.
type element struct {
	name  string
	attrs map[string]string
}

// elements parses an SVG strictly and returns its elements and its text.
func elements(t rapid.TB, svg string) (list []element, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader("<page>" + strings.TrimPrefix(svg, `<?xml version="1.0" encoding="UTF-8"?>`) + "</page>"))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list, text
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{token.Name.Local, map[string]string{}}
			for _, a := range token.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			list = append(list, e)
		case xml.CharData:
			text += string(token)
		}
	}
}

// dots is a figure with all states of rows.
func dots() *Figure {
	return &Figure{
		ID: "ratio", Title: "Throughput", Desc: "sharded is 41 times as fast as global.", Of: "strategy",
		X: Axis{Label: "× baseline", Unit: Ratio, Scale: Log, Lines: []Line{{1, "baseline"}, {88, "limit"}}},
		Body: Rows{
			{Name: "sharded", Style: 1, Point: Point{X: 41, Interval: &Interval{39, 42}}},
			{Name: "global", Point: Point{X: 1, Note: "before"}},
			{Name: "slow", Style: 2, Point: Point{X: 20, AtLeast: true, State: Saturated}},
			{Name: "no-lock", Style: 3, Empty: true, Point: Point{State: Struck, Note: "lost update"}},
		},
	}
}

func TestHostileText(t *testing.T) {
	const name = "</script><img src=x onerror=alert(1)>\"'\x00\x1b[31m\u202e\ufffe&amp;"
	f := dots()
	f.Title, f.Desc, f.X.Label, f.Notes, f.Of = name, name, name, []string{name}, name
	f.X.Lines[0].Label = name
	f.Body.(Rows)[0].Name, f.Body.(Rows)[0].Note = name, name
	for _, draw := range []func() (string, error){f.SVG, f.File} {
		svg, err := draw()
		if err != nil {
			t.Fatal(err)
		}
		list, text := elements(t, svg)
		for _, e := range list {
			if strings.Contains(e.name, "img") || strings.Contains(e.name, "script") {
				t.Errorf("there is an element %s", e.name)
			}
			for name := range e.attrs {
				if strings.HasPrefix(name, "on") || name == "style" {
					t.Errorf("%s has the attribute %s", e.name, name)
				}
			}
		}
		if !strings.Contains(text, "</script><img src=x onerror=alert(1)>") {
			t.Error("the name is not in the text")
		}
		if strings.ContainsAny(svg, "\x00\x1b\u202e\ufffe") {
			t.Error("control characters are in the file")
		}
	}
}

func TestRejected(t *testing.T) {
	for _, test := range []struct {
		why    string
		change func(f *Figure)
		want   string // "" for none
	}{
		{"finite values", func(*Figure) {}, ""},
		{"no rows", func(f *Figure) { f.Body = Rows{} }, ""},
		{"an interval of one value", func(f *Figure) { f.Body.(Rows)[0].Interval = &Interval{41, 41} }, ""},
		{"0 on a logarithmic axis", func(f *Figure) { f.Body.(Rows)[0].X = 0 }, ""},
		{"the value of an empty row is not looked at", func(f *Figure) { f.Body.(Rows)[3].X = math.NaN() }, ""},
		{"not a number", func(f *Figure) { f.Body.(Rows)[0].X = math.NaN() }, "figure ratio, row sharded: x NaN cannot be drawn"},
		{"infinite", func(f *Figure) { f.Body.(Rows)[0].X = math.Inf(1) }, "figure ratio, row sharded: x +Inf cannot be drawn"},
		{"an infinite interval", func(f *Figure) { f.Body.(Rows)[0].Interval.High = math.Inf(1) },
			"figure ratio, row sharded: interval 39 to +Inf cannot be drawn"},
		{"an interval from right to left", func(f *Figure) { f.Body.(Rows)[0].Interval = &Interval{42, 39} },
			"figure ratio, row sharded: interval 42 to 39 cannot be drawn"},
		{"an infinite reference", func(f *Figure) { f.X.Lines[1].At = math.Inf(1) },
			"figure ratio, axis × baseline: reference +Inf cannot be drawn"},
		{"100 %", func(f *Figure) { f.X = Axis{Scale: Percentiles}; f.Body.(Rows)[0].X = 1 },
			"figure ratio, row sharded: x 1 cannot be drawn"},
		{"an infinite y", func(f *Figure) {
			f.Body = Panels{{Y: Axis{Label: "p99"}, Series: []Series{{Name: "a", Points: []Point{{X: 1, Y: math.Inf(-1)}}}}}}
		}, "figure ratio, p99 of a: y -Inf cannot be drawn"},
		{"an id with a blank", func(f *Figure) { f.ID = "a b" }, `figure "a b": want an id of letters, digits and hyphens`},
		{"no body", func(f *Figure) { f.Body = nil }, "figure ratio: want rows or panels"},
	} {
		f := dots()
		test.change(f)
		_, err := f.SVG()
		if got := ""; err != nil || test.want != "" {
			if err != nil {
				got, _, _ = strings.Cut(err.Error(), "\n")
			}
			if got != test.want {
				t.Errorf("%s: error %q, want %q", test.why, got, test.want)
			}
		}
		if _, _, tableErr := f.Table(); (tableErr == nil) != (err == nil) {
			t.Errorf("%s: Table returns %v, SVG %v", test.why, tableErr, err)
		}
	}
}
