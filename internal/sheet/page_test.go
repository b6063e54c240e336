package sheet

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func text(t *testing.T, p *Page, o Options) string {
	t.Helper()
	var b strings.Builder
	if err := p.WriteText(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func markdownOf(t *testing.T, p *Page, limit int) string {
	t.Helper()
	var b strings.Builder
	if err := p.WriteMarkdown(&b, limit, ""); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// pageWith returns a page with a table of the columns, one row, each cell as wide as its title.
func pageWith(columns ...Column) *Page {
	t := &Table{Columns: columns, Rows: [][]Cell{{}}}
	for _, c := range columns {
		t.Rows[0] = append(t.Rows[0], Cell{Text: strings.Repeat("x", width(c.Title))})
	}
	p := &Page{}
	p.Table(t)
	return p
}

func TestTableFits(t *testing.T) {
	for _, tt := range []struct {
		why     string
		width   int
		columns []Column
		want    []string // the lines with titles, and what is omitted
	}{
		{"without a width all columns are shown", 0, []Column{{Title: "name"}, {Title: "value"}}, []string{"name  value"}},
		{"exactly as wide as the terminal", 11, []Column{{Title: "name"}, {Title: "value", Spare: 1}}, []string{"name  value"}},
		{"a column too many", 10, []Column{{Title: "name"}, {Title: "value", Spare: 1}},
			[]string{"name", "Omitted", "for lack", "of width:", "value."}},
		{"the highest spare goes first", 11, []Column{{Title: "name"}, {Title: "aa", Spare: 1}, {Title: "bb", Spare: 2}},
			[]string{"name  aa", "Omitted for", "lack of", "width: bb."}},
		{"no column may go", 5, []Column{{Title: "name"}, {Title: "value"}}, []string{"name  value"}},
		{"groups stay together, beside the columns of group 0", 14,
			[]Column{{Title: "name"}, {Title: "aa", Group: 1}, {Title: "bb", Group: 2}, {Title: "cc", Group: 1}},
			[]string{"name  aa  cc", "name  bb"}},
		{"as many groups as fit", 12,
			[]Column{{Title: "name"}, {Title: "aa", Group: 1}, {Title: "bb", Group: 2}, {Title: "cc", Group: 3}},
			[]string{"name  aa  bb", "name  cc"}},
		{"a group that is too wide by itself", 8, []Column{{Title: "name"}, {Title: "value", Group: 1}, {Title: "other", Group: 2}},
			[]string{"name  value", "name  other"}},
	} {
		var got []string
		for line := range strings.Lines(text(t, pageWith(tt.columns...), Options{Width: tt.width})) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "x") && !strings.HasPrefix(line, "─") {
				got = append(got, line)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.why, diff)
		}
	}
}

// everything is a page with each kind of part.
func everything() *Page {
	p := &Page{}
	p.Heading(Bold, "a | heading")
	p.Say(Plain, "one", "", "two")
	p.Say(Plain, "")
	p.List(Worse, "headline", []string{"first", "second"})
	p.List(Plain, "", nil)
	p.Table(&Table{Columns: []Column{{Title: "name", Left: true}, {Title: "value"}}, Rows: [][]Cell{
		{{Text: "a", Style: Struck}, {Text: "1", Note: "±2%"}},
		{{Text: "long|er", Note: "†"}, {Text: "10", Style: Better}},
	}})
	p.Table(&Table{Columns: []Column{{Title: "empty"}}})
	p.Fold("Legend")
	p.Legend([]Term{{"±", "half-width"}, {"", "more of it"}, {"name", "a name"}})
	p.Command("sessbench run  --x '`y`'")
	return p
}

func TestText(t *testing.T) {
	want := `a | heading

one
two

headline
   first
   second

name        value
─────────────────
a           1 ±2%
long|er †  10

±     half-width
      more of it
name  a name

reproduce: sessbench run  --x '` + "`y`'\n"
	if diff := cmp.Diff(want, text(t, everything(), Options{})); diff != "" {
		t.Error(diff)
	}
	colored := text(t, everything(), Options{Color: true})
	for _, want := range []string{"\x1b[1ma | heading\x1b[0m\n", "\x1b[31mheadline\x1b[0m\n", "\x1b[9ma\x1b[0m", "\x1b[32m10\x1b[0m"} {
		if !strings.Contains(colored, want) {
			t.Errorf("no %q in %q", want, colored)
		}
	}
}

func TestMarkdown(t *testing.T) {
	want := `### a \| heading

one

two

headline

- first
- second

| name | value |
| --- | ---: |
| ~~a~~ | 1 ±2% |
| long\|er † | **10** |

<details><summary>Legend</summary>

- **±**: half-width
  - more of it
- **name**: a name

</details>

Reproduce with:

` + "```sh\nsessbench run  --x '`y`'\n```\n"
	if diff := cmp.Diff(want, markdownOf(t, everything(), 0)); diff != "" {
		t.Error(diff)
	}
}

// What there is no room for is omitted and counted; the last fold is always there.
func TestMarkdownLimit(t *testing.T) {
	p := &Page{}
	big := &Table{Columns: []Column{{Title: "name"}}}
	for i := range 100_000 {
		big.Rows = append(big.Rows, []Cell{{Text: fmt.Sprint("a name of some length ", i)}})
	}
	p.Table(big)
	for i := range 2000 {
		p.Fold(fmt.Sprint("fold ", i))
		p.Table(&Table{Columns: big.Columns, Rows: big.Rows[:10]})
	}
	p.Fold("Legend")
	p.Legend([]Term{{"name", strings.Repeat("long ", 1<<20)}})
	p.Command(strings.Repeat("x", longCommand+1))
	got := markdownOf(t, p, SummaryLimit)
	if len(got) >= SummaryLimit || len(got) < SummaryLimit/2 {
		t.Errorf("%d bytes", len(got))
	}
	if open, closed := strings.Count(got, "<details>"), strings.Count(got, "</details>"); open != closed || open < 2 {
		t.Errorf("%d folds are opened and %d closed", open, closed)
	}
	for _, want := range []string{"lines omitted to stay below", "<summary>fold 0<", "<summary>Legend<", "- **name**: long "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(got, "Reproduce with") {
		t.Error("a command that was too long is shown")
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 10, ""},
		{"one two three", 7, "one two\nthree"},
		{"× ± – † ‡", 5, "× ± –\n† ‡"}, // a column each, whatever their bytes
		{"a wordthatislonger b", 4, "a\nwordthatislonger\nb"},
		{"  blanks   are  one ", 80, "blanks are one"},
	} {
		if got := Wrap(tt.text, tt.width); got != tt.want {
			t.Errorf("%q in %d columns: %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}

type fullDisk struct{}

var errFull = errors.New("disk full")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	if err := everything().WriteText(fullDisk{}, Options{}); !errors.Is(err, errFull) {
		t.Errorf("text: %v", err)
	}
	if err := everything().WriteMarkdown(fullDisk{}, 0, ""); !errors.Is(err, errFull) {
		t.Errorf("Markdown: %v", err)
	}
}
