package sheet

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
)

func htmlOf(t testing.TB, p *Page) string {
	t.Helper()
	var b strings.Builder
	if err := p.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A drawing keeps its styles, and what is in it is text.
func TestDrawingHTML(t *testing.T) {
	p := &Page{}
	p.Draw(func(page *Text) error {
		page.Line("a " + page.Paint(Alarm, "<b>") + " c " + page.Paint(Dim, "d"))
		page.Line(page.Paint(Bold, "e") + "\x07\x1b[7m</pre>")
		return nil
	})
	want := "<pre tabindex=\"0\">a <span class=\"bad bold\">&lt;b&gt;</span> c <span class=\"dim\">d</span>\n" +
		"<span class=\"bold\">e</span>[7m&lt;/pre&gt;</pre>\n"
	if html := htmlOf(t, p); !strings.Contains(html, want) {
		t.Errorf("no %q in %s", want, html[strings.Index(html, "<main>"):])
	}
}

// An embedded document is in a frame without access to the page. The policy has the hashes of its scripts and styles, and of no others.
func TestEmbed(t *testing.T) {
	const script, style = "alert('a \"b\"')", "b { c: d }"
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	p := &Page{}
	p.Embed("a drawing", 200, func(w io.Writer) error {
		_, err := io.WriteString(w, "<style>"+style+"</style><script>"+script+`</script><p onclick="evil()" style="e: f">`)
		return err
	})
	html := htmlOf(t, p)
	policy, rest, _ := strings.Cut(html, "<meta name=\"viewport\"")
	for _, want := range []string{hash(script), hash(style)} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if n := strings.Count(policy, "sha256-"); n != 4 || strings.Contains(policy, "unsafe") {
		t.Errorf("%d hashes: want 4 and nothing else: %s", n, policy)
	}
	for _, want := range []string{`<iframe loading="lazy" sandbox="allow-scripts" title="a drawing" height="200" srcdoc="&lt;style&gt;`, `onclick=&#34;evil()&#34;`} {
		if !strings.Contains(rest, want) {
			t.Errorf("no %s", want)
		}
	}
	if text := text(t, p, Options{}) + markdownOf(t, p, 0); strings.TrimSpace(text) != "" {
		t.Errorf("%q: want the document only in HTML", text)
	}
	failing := &Page{}
	failing.Embed("a drawing", 1, func(io.Writer) error { return errors.New("no ink") })
	if err := failing.WriteHTML(io.Discard); err == nil || err.Error() != "a drawing: no ink" {
		t.Errorf("%v: want the error of the document", err)
	}
}
