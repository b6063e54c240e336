package browsertest

import (
	"slices"
	"strings"
	"testing"
)

// wrongDrawing opens the fold with porcupine's drawing, whose frame has no sandbox here, so that the test sees what is in it.
func wrongDrawing(p *tab) []string {
	wrong := eval[[]string](p, `async () => {
		const frame = document.querySelector("iframe"), all = css => [...(frame.contentDocument || document.createElement("p")).querySelectorAll(css)];
		frame.closest("details").open = true;
		frame.scrollIntoView();
		for (let i = 0; i < 100 && !all(".history-rect").length; i++) await new Promise(done => setTimeout(done, 50));
		const wrong = [], color = (e, property) => getComputedStyle(e)[property];
		if (!all(".history-rect").length) wrong.push("no operation is drawn");
		for (const e of all(".history-rect")) if (!(e.getBoundingClientRect().width > 10)) wrong.push("an operation without width");
		if (!all(".history-rect.conflict").length) wrong.push("no operation is marked");
		for (const e of all(".client-annotation-rect")) if (color(e, "fill") !== "rgb(192, 57, 43)") wrong.push("an annotation is " + color(e, "fill"));
		if (!all("#canvas text").some(e => e.textContent === "A")) wrong.push("no user A");
		const box = all(".target-rect")[0];
		if (box) {
			for (const type of ["mouseover", "mousemove"]) box.dispatchEvent(new MouseEvent(type, {bubbles: true}));
			if (!all(".tooltip").some(e => color(e, "display") === "block" && e.textContent.includes("state"))) wrong.push("no explanation of a box");
		}
		return wrong;
	}`)
	_, complaints := p.seen()
	return slices.Concat(wrong, complaints)
}

// Porcupine's drawing works under the page's policy.
func TestDrawing(t *testing.T) {
	p := open(t, start(t))
	html := strings.Replace(pages["violation"](t), ` sandbox="allow-scripts"`, "", 1)
	if wrong := wrongDrawing(p.load(t, html)); len(wrong) > 0 {
		t.Errorf("%q", wrong)
	}
	for _, tt := range []struct{ why, old, new, want string }{
		{"porcupine sets style attributes", "this.style.cssText = value", "set.call(this, space, name, value)", "security"},
		{"a changed script", "const users =", "const  users =", "security"},
		{"a changed style", ".history-rect.conflict {", ".history-rect.conflict  {", "security"},
		{"no script", "render(data)", "", "no operation is drawn"},
	} {
		broken := strings.Replace(html, tt.old, tt.new, 1)
		if broken == html {
			t.Fatalf("%s: the page has no %q", tt.why, tt.old)
		}
		if wrong := wrongDrawing(p.load(t, broken)); !strings.Contains(strings.Join(wrong, "\n"), tt.want) {
			t.Errorf("%s: %q: want %q", tt.why, wrong, tt.want)
		}
	}
}
