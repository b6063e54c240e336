package sheet

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/figure"
)

// body returns what is in the page's main element.
func body(t *testing.T, page string) string {
	t.Helper()
	_, after, _ := strings.Cut(page, "<main>\n")
	inside, _, found := strings.Cut(after, "</main>")
	if !found {
		t.Fatalf("no main element in %q", page)
	}
	return inside
}

func TestHTML(t *testing.T) {
	p := everything()
	p.Heading(Bold, "second & last")
	p.Draw(func(page *Text) error {
		page.Line("plain <b> " + page.Paint(Alarm, "bad & <i>") + " " + page.Paint(Dim, "dim"))
		page.Line("next")
		return nil
	})
	got := body(t, htmlOf(t, p))
	for _, want := range []string{
		"<h1 class=\"bold\">a | heading</h1>\n", "<p>one</p>\n<p>two</p>\n", "<p class=\"bad\">headline</p>\n<ul>\n<li>first</li>\n",
		`aria-label="Table: a | heading"`, `<th scope="col" class="left">name</th><th scope="col">value</th>`,
		`<th scope="row" class="left"><span class="struck">a</span></th><td>1 <small>±2%</small></td>`,
		"<details class=\"fold\">\n<summary>Legend</summary>\n<dl>\n<dt>±</dt>\n<dd>half-width</dd>\n<dd>more of it</dd>",
		"<code>sessbench run  --x &#39;`y`&#39;</code></pre>\n</details>\n<h2 id=\"section-1\"><a href=\"#section-1\">second &amp; last</a></h2>\n",
		"<pre tabindex=\"0\">plain &lt;b&gt; <span class=\"bad bold\">bad &amp; &lt;i&gt;</span> <span class=\"dim\">dim</span>\nnext</pre>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "<nav") {
		t.Error("a list of one section")
	}
}

func TestHTMLSections(t *testing.T) {
	p := &Page{}
	p.Heading(Plain, "page")
	p.Say(Plain, "conclusion")
	for i := range severalSections {
		p.Heading(Plain, fmt.Sprintf("<%d>", i+1))
	}
	got := body(t, htmlOf(t, p))
	want := "<p>conclusion</p>\n<nav aria-label=\"Sections\"><ul>\n<li><a href=\"#section-1\">&lt;1&gt;</a></li>\n"
	if !strings.Contains(got, want) || strings.Index(got, "</nav>") > strings.Index(got, "<h2") {
		t.Errorf("no %q before the sections of\n%s", want, got)
	}
}

// A page of hostile texts is well formed and has no element that a page of harmless texts does not have.
func TestHTMLEscapes(t *testing.T) {
	page := func(text string) *Page {
		p := &Page{}
		p.Heading(Plain, text)
		p.Heading(Plain, text)
		p.Say(Bold, text)
		p.List(Bold, text, []string{text})
		p.Table(&Table{Columns: []Column{{Title: text, Left: true}}, Rows: [][]Cell{{{Text: text, Note: text, Style: Struck}}}})
		p.Figure(&figure.Figure{ID: "f", Title: text, Of: text, X: figure.Axis{Label: text}, Body: figure.Rows{{Name: text, Point: figure.Point{X: 1, Note: text}}}})
		p.Draw(func(page *Text) error { page.Line(page.Paint(Dim, text)); return nil })
		p.Fold(text)
		p.Legend([]Term{{text, text}})
		p.Command(text)
		return p
	}
	elements := func(text string) string {
		names := map[string]bool{} // how many ticks and titles a figure has depends on the lengths of texts
		d := xml.NewDecoder(strings.NewReader("<main>" + body(t, htmlOf(t, page(text))) + "</main>"))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				return fmt.Sprint(slices.Sorted(maps.Keys(names)))
			}
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if e, is := token.(xml.StartElement); is {
				names[e.Name.Local] = true
				for _, a := range e.Attr {
					if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
						t.Errorf("%q: %s has the attribute %s", text, e.Name.Local, a.Name.Local)
					}
				}
			}
		}
	}
	want := elements("harmless")
	for _, text := range []string{`</script><img src=x onerror=alert(1)>`, `"><b onclick=x>`, `'><i>`, "</title></main></pre><svg>", "&lt;b&gt;", "\x1b[1mbold", "<!--", "]]>"} {
		if got := elements(text); got != want {
			t.Errorf("%q: elements %s, want %s", text, got, want)
		}
	}
}

func TestHTMLErrors(t *testing.T) {
	if err := everything().WriteHTML(fullDisk{}); !errors.Is(err, errFull) {
		t.Errorf("HTML: %v", err)
	}
	p := &Page{}
	p.Figure(&figure.Figure{ID: "no id"})
	if err := p.WriteHTML(io.Discard); err == nil {
		t.Error("a figure that cannot be drawn is no error")
	}
}
