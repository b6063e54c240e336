package browsertest

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// check returns what is wrong with a page.
type check struct {
	name   string
	before []action
	wrong  func(p *tab) []string
	flaws  []flaw
}

// flaw is a change of a page that the check must find.
type flaw struct {
	why      string
	page     string // run or figures
	old, new string
	policy   bool   // the page keeps its Content-Security-Policy, which does not allow a changed script or style
	want     string // in what the check returns
}

var phone = command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 2, Mobile: true})

// media emulates a medium, empty for the screen, and a colour scheme.
func media(medium, scheme string) action {
	return command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium,
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

var checks = []check{
	{"requests", nil, wrongRequests, []flaw{
		{"an image", "run", `<main>`, `<main><img src="other.png">`, false, "other.png"},
		{"a style sheet", "run", `</title>`, `</title><link rel="stylesheet" href="other.css">`, false, "other.css"},
		{"an address in a style", "run", `body{margin:0;`, `body{margin:0;background:url(other.svg);`, false, "other.svg"},
		{"a request by the script", "run", `update();`, `update();fetch("other.json").catch(() => 0);`, false, "other.json"},
	}},
	{"console", nil, wrongConsole, []flaw{
		{"an exception", "run", "update();\n})", "update();\nthrow new Error(\"oh\");\n})", false, "exception"},
		{"an error of the console", "run", "update();\n})", "update();\nconsole.error(\"oh\");\n})", false, "console.error"},
		{"a changed script", "run", "update();\n})", "update() ;\n})", true, "security"},
		{"a changed style", "run", "body{", "body {", true, "security"},
		{"a style in an attribute", "run", "<main>", `<main style="color:red">`, true, "security"},
		{"a handler in an attribute", "run", "<main>", `<main onclick="alert(1)">`, true, "security"},
		{"an image", "run", "<main>", `<main><img src="other.png">`, true, "security"},
	}},
	{"names", nil, wrongNames, []flaw{
		{"a name as HTML", "run", escapedHostile, hostile, false, "img"},
		{"a name as HTML, with the policy", "run", escapedHostile, hostile, true, "img"},
		{"a name as HTML by the script", "run", "e.append(...content);", "e.innerHTML = content.map(c => c.outerHTML || c).join('');", false, "img"},
		{"names that are missing", "figures", escapedHostile, "harmless", false, "is not shown"},
	}},
	{"toggles", nil, wrongToggles, []flaw{
		{"only the first figures", "run", `querySelectorAll("figure svg [data-series]")`, `querySelectorAll("figure:nth-of-type(-n+2) svg [data-series]")`, false, "shown"},
		{"only the wide figures", "run", `querySelectorAll("figure svg [data-series]")`, `querySelectorAll("figure .wide [data-series]")`, false, "shown"},
		{"no effect of the style", "run", `.off{display:none}`, `.off{}`, false, "shown"},
		{"no state", "run", `"aria-pressed", !hidden`, `"aria-pressed", true || hidden`, false, "aria-pressed"},
		{"double click without effect", "run", `b.ondblclick`, `b.ontoggle`, false, "double click"},
		{"a tab stop on a hidden mark", "run", "|| !shown(chart.current)", "", false, "tab stop"},
	}},
	{"tooltips", nil, wrongTooltips, []flaw{
		{"another value in a table", "figures", `>42×`, `>43×`, false, "not in the table"},
		{"another value in a mark", "figures", `data-x="42×`, `data-x="43×`, false, "not in the table"},
		{"a cut value", "figures", `titles[i] + ": " + cell`, `titles[i] + ": " + cell.slice(1)`, false, "tooltip"},
		{"no tooltips", "figures", `svg.onpointermove =`, `svg.onpointermovie =`, false, "tooltip"},
		{"another mark", "figures", `if (far < least && shown(mark))`, `if (far > 30 && shown(mark))`, false, "tooltip"},
	}},
	{"keyboard", nil, wrongKeyboard, []flaw{
		{"no arrow keys", "run", `svg.onkeydown`, `svg.onkeydowns`, false, "not reached"},
		{"no tab stops", "run", `"tabindex", 0`, `"tabindex", -1`, false, "tab stops"},
		{"each mark is a tab stop", "run", `mark.setAttribute("role", "img");`, `mark.setAttribute("tabindex", 0);`, false, "tab stops"},
		{"no Escape", "run", `"Escape"`, `"Esc"`, false, "Escape"},
		{"no ring", "run", `mark.ownerSVGElement.append(ring)`, `mark`, false, "ring"},
		{"hidden figures have tab stops", "run", `.fig.narrow{display:none;`, `.fig.narrow{display:block;height:0;`, false, "tab stops"},
	}},
	{"contrast", nil, wrongContrast, []flaw{
		{"text too light", "run", "--fig-muted:#59636e", "--fig-muted:#999999", false, "light"},
		{"text too dark on dark", "run", "--fig-muted:#a0a8b0", "--fig-muted:#555555", false, "dark"},
		{"a mark too light", "figures", "--fig-4:#c48600", "--fig-4:#e69f00", false, "mark"},
		{"dark as light", "run", "prefers-color-scheme:dark", "prefers-color-scheme:none", false, "as in light"},
	}},
	{"phone", []action{phone}, wrongWidth, []flaw{
		{"a table that is too wide", "figures", "div.wide{overflow-x:auto;", "div.wide{", false, "wide"},
		{"the wide figures", "figures", "@media screen and (max-width:640px){.fig.wide", "@media none{.fig.wide", false, "pixels high"},
		{"a tooltip beyond the edge", "figures", "at + 14 + size < end", "true", false, "wide"},
	}},
	{"print", nil, wrongPrint, []flaw{
		{"no figures", "run", "@media print{", "@media print{figure{display:none}", false, "is not printed"},
		{"a closed legend", "figures", "details.fold::details-content", "details.none::details-content", false, "is not printed"},
		{"the toolbar", "run", "nav,.bar,", "nav,", false, "bar is printed"},
		{"dark paper", "run", "screen and (prefers-color-scheme", "(prefers-color-scheme", false, "dark"},
	}},
	{"no script", []action{command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})}, wrongWithoutScript, []flaw{
		{"nothing without the script", "run", "main{", "main{visibility:hidden;", false, "is not shown"},
		{"hidden figures", "run", ".fig{display:block;", ".fig{display:none;", false, "no figure"},
		{"a button without effect", "run", "<main>", `<main><button>Hide</button>`, false, "button"},
	}},
}

const escapedHostile = `&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;`

func TestPages(t *testing.T) {
	browser, known := start(t), made{}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			p := open(t, browser, c.before...)
			for name := range pages {
				t.Run(name, func(t *testing.T) {
					if wrong := c.wrong(p.load(t, known.page(t, name))); len(wrong) > 0 {
						t.Errorf("%d problems:\n%s", len(wrong), strings.Join(wrong[:min(12, len(wrong))], "\n"))
					}
				})
			}
			for _, f := range c.flaws {
				t.Run("finds/"+f.why, func(t *testing.T) {
					if wrong := c.wrong(p.load(t, f.in(t, known))); !strings.Contains(strings.Join(wrong, "\n"), f.want) {
						t.Errorf("%q is not in the %d problems found: %q", f.want, len(wrong), wrong[:min(5, len(wrong))])
					}
				})
			}
		})
	}
}

var policy = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`)

// in returns the page with the flaw.
func (f *flaw) in(t *testing.T, known made) string {
	t.Helper()
	html := known.page(t, f.page)
	if !strings.Contains(html, f.old) || !policy.MatchString(html) {
		t.Fatalf("the page has no %q, or no policy", f.old)
	}
	html = strings.ReplaceAll(html, f.old, f.new)
	if !f.policy {
		html = policy.ReplaceAllString(html, "")
	}
	return html
}

func wrongRequests(p *tab) []string { requests, _ := p.seen(); return requests }

func wrongConsole(p *tab) []string { _, complaints := p.seen(); return complaints }

// wrongNames looks for elements and attributes that no page has, and for names that are not shown.
func wrongNames(p *tab) []string {
	_, complaints := p.seen()
	complaints = slices.DeleteFunc(complaints, func(c string) bool { return !strings.HasPrefix(c, "dialog") })
	return append(complaints, eval[[]string](p, `hostile => {
		const wrong = [];
		for (const e of document.querySelectorAll("img,image,use,iframe:not([sandbox=allow-scripts]),object,embed,link,base,form,input,foreignObject,script~script,svg script,style~style"))
			wrong.push("an element " + e.localName);
		if (document.scripts.length !== 1) wrong.push(document.scripts.length + " scripts");
		for (const e of document.querySelectorAll("*")) for (const a of e.attributes)
			if (a.name.startsWith("on") || a.name === "style" && e.id !== "tip" || a.name === "href" && !a.value.startsWith("#")) wrong.push(e.localName + " " + a.name + "=" + a.value);
		for (const place of ["body", "th,td", ".bar button"]) { // where there are any
			const list = [...document.querySelectorAll(place)];
			if (list.length && !list.some(e => e.textContent.includes(hostile))) wrong.push("the name is not shown in " + place);
		}
		const named = [...document.querySelectorAll("[data-series]")];
		if (named.length && !named.some(e => e.dataset.series.includes(hostile))) wrong.push("the name is not in a figure");
		return wrong;
	}`, hostile)...)
}

// wrongToggles clicks all buttons of the toolbar, and the first one with the mouse. Rows of scenarios have no buttons.
func wrongToggles(p *tab) []string {
	wrong := eval[[]string](p, `() => {
		const wrong = new Set(), buttons = [...document.querySelectorAll(".bar button[aria-pressed]")], all = document.querySelector(".bar button:not([aria-pressed])");
		const elements = [...document.querySelectorAll("figure [data-series]")]
			.filter(e => e.closest("figure").querySelector("th").textContent !== "scenario"), names = [...new Set(elements.map(e => e.dataset.series))];
		if (all && buttons.map(b => b.textContent).join("\n") !== names.join("\n")) wrong.add("buttons " + buttons.map(b => b.textContent) + " for the names " + names);
		if (!all) return names.length < 2 ? [] : ["no toolbar"];
		const shows = e => {
			for (; e.localName !== "svg"; e = e.parentElement) if (getComputedStyle(e).display === "none") return false;
			return true;
		};
		const expect = (when, want) => {
			for (const e of elements) if (shows(e) !== want(e.dataset.series))
				wrong.add(when + ": " + e.dataset.series + " in " + e.closest("figure").id + " " + e.ownerSVGElement.classList[1] + (want(e.dataset.series) ? " is not" : " is") + " shown");
			for (const b of buttons) if (b.getAttribute("aria-pressed") !== String(want(b.textContent))) wrong.add(when + ": aria-pressed of " + b.textContent);
			for (const svg of document.querySelectorAll("figure svg")) {
				const stops = [...svg.querySelectorAll("[tabindex]")];
				if (stops.length !== ([...svg.querySelectorAll("[data-x]")].some(shows) ? 1 : 0) || !stops.every(shows)) wrong.add(when + ": a tab stop of " + svg.closest("figure").id);
			}
		};
		expect("before", () => true);
		for (const b of buttons) {
			const name = b.textContent;
			b.click();
			expect("click on " + name, n => n !== name);
			b.click();
			expect("second click on " + name, () => true);
			b.dispatchEvent(new MouseEvent("click", {altKey: true}));
			expect("Alt and click on " + name, n => n === name);
			all.click();
			expect("show all", () => true);
			b.dispatchEvent(new MouseEvent("click", {shiftKey: true}));
			expect("Shift and click on " + name, n => n === name);
			all.click();
		}
		for (const b of buttons) b.click();
		expect("all hidden", () => false);
		all.click();
		for (const d of document.querySelectorAll("details.bars")) d.open = true;
		return [...wrong];
	}`)
	if eval[int](p, `() => document.querySelectorAll(".bar").length`) == 0 {
		return wrong // fewer than two names
	}
	at := eval[[2]float64](p, `() => {
		const b = document.querySelector(".bar button"), r = b.getBoundingClientRect();
		b.scrollIntoView({block: "center"});
		return [b.getBoundingClientRect().left + 5, b.getBoundingClientRect().top + 5];
	}`)
	p.run(chromedp.MouseClickXY(at[0], at[1]), chromedp.MouseClickXY(at[0], at[1], chromedp.ClickCount(2)))
	return append(wrong, eval[[]string](p, `() => [...document.querySelectorAll(".bar button[aria-pressed]")]
		.filter((b, i) => b.getAttribute("aria-pressed") !== String(!i)).map(b => "double click of the first: " + b.textContent)`)...)
}

// wrongContrast computes the contrasts of all texts and marks in light and dark.
func wrongContrast(p *tab) (wrong []string) {
	eval[int](p, `() => [...document.querySelectorAll("details")].map(d => d.open = true).length`)
	var colours []string
	for _, scheme := range []string{"light", "dark"} {
		p.run(media("", scheme))
		for _, problem := range eval[[]string](p, `() => {
			const wrong = new Set(), parts = colour => colour.match(/[\d.]+/g).map(Number);
			const luminance = colour => parts(colour).slice(0, 3).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
				.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
			const contrast = (a, b) => {
				const [x, y] = [luminance(a), luminance(b)].sort((x, y) => y - x);
				return (x + 0.05) / (y + 0.05);
			};
			const back = e => {
				for (; e; e = e.parentElement) {
					const colour = getComputedStyle(e).backgroundColor, alpha = parts(colour)[3];
					if (alpha === undefined) return colour;
					if (alpha > 0) throw new Error("a background that is half transparent: " + colour);
				}
			};
			const test = (e, what, colour, least) => {
				if (!e.checkVisibility()) return;
				const c = contrast(colour, back(e));
				if (c < least) wrong.add(what + " " + (e.textContent.trim().slice(0, 30) || e.getAttribute("class")) + ": contrast " + c.toFixed(2) + " of " + colour);
			};
			const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
			while (texts.nextNode()) {
				const e = texts.currentNode.parentElement;
				if (texts.currentNode.data.trim()) test(e, "text", e.ownerSVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color, 4.5);
			}
			for (const e of document.querySelectorAll("figure .mark,figure .line,.swatch path")) test(e, "mark", getComputedStyle(e).stroke, 3);
			return [...wrong];
		}`) {
			wrong = append(wrong, scheme+": "+problem)
		}
		colours = append(colours, eval[string](p, `() => [document.documentElement, document.querySelector("pre"), document.querySelector(".mark")].filter(e => e)
			.flatMap(e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color, getComputedStyle(e).fill]).join()`))
	}
	if colours[0] == colours[1] {
		wrong = append(wrong, "the colours in dark are as in light")
	}
	return wrong
}

// wrongWidth looks for what is wider than a phone, also with tooltips, and for figures whose text is too small.
func wrongWidth(p *tab) []string {
	return eval[[]string](p, `() => {
		const wrong = [], wide = when => {
			const width = document.documentElement.scrollWidth;
			if (width > 390) wrong.push(when + ": the page is " + width + " pixels wide");
		};
		wide("at first");
		for (const d of document.querySelectorAll("details")) d.open = true;
		wide("with open folds");
		for (const svg of document.querySelectorAll("figure svg")) if (svg.checkVisibility()) {
			for (const text of svg.querySelectorAll("text")) {
				const size = parseFloat(getComputedStyle(text).fontSize) * svg.clientWidth / svg.viewBox.baseVal.width;
				if (size < 10) wrong.push("a text of " + svg.closest("figure").id + " is " + size.toFixed(1) + " pixels high");
			}
			const marks = [...svg.querySelectorAll("[data-x]")];
			for (const mark of marks.filter((m, i) => i % 7 === 0 || i > marks.length - 4)) {
				mark.setAttribute("tabindex", 0);
				mark.focus();
				if (!document.getElementById("tip").firstChild) wrong.push("no tooltip");
				wide("tooltip of " + mark.dataset.series + " " + mark.dataset.x + " in " + svg.closest("figure").id);
			}
		}
		return wrong;
	}`)
}

// essential are the elements that a reader must see on paper and without the script.
const essential = `h1,h2,p,li,dt,dd,pre,figcaption,main>.wide td,main>.wide th,svg.wide text`

func wrongPrint(p *tab) []string {
	p.run(media("print", "dark"))
	wrong := eval[[]string](p, `essential => {
		const wrong = new Set();
		for (const e of document.querySelectorAll(essential)) if (!e.closest("nav") && (!e.checkVisibility({visibilityProperty: true}) || !e.getClientRects().length))
			wrong.add((e.closest("figure") ? e.closest("figure").id : e.localName) + " " + e.textContent.slice(0, 30) + " is not printed");
		for (const e of document.querySelectorAll("nav,.bar,#tip,figure summary")) if (e.checkVisibility()) wrong.add((e.id || e.className || e.localName) + " is printed");
		const [r, g, b] = getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).map(Number);
		if (r + g + b < 700) wrong.add("the paper is dark");
		return [...wrong];
	}`, essential)
	if p.run(media("", "dark")); len(wrong) > 0 {
		return wrong
	}
	pdf, err := chromedp.Run(p.ctx, chromedp.PrintToPDF(chromedp.PDFPrintBackground()))
	if err != nil {
		p.Fatal(err)
	}
	if sheets := bytes.Count(pdf, []byte("/Type /Page\n")) + bytes.Count(pdf, []byte("/Type /Page ")); !bytes.HasPrefix(pdf, []byte("%PDF")) || sheets < 2 {
		wrong = append(wrong, fmt.Sprintf("a PDF of %d bytes and %d pages", len(pdf), sheets))
	}
	return wrong
}

func wrongWithoutScript(p *tab) []string {
	return eval[[]string](p, `essential => {
		const wrong = new Set();
		for (const e of document.querySelectorAll(essential)) if (!e.closest("details") && !e.checkVisibility({visibilityProperty: true}) && !e.closest("svg"))
			wrong.add(e.localName + " " + e.textContent.slice(0, 30) + " is not shown");
		for (const f of document.querySelectorAll("figure")) if ([...f.querySelectorAll("svg")].filter(s => s.checkVisibility({visibilityProperty: true}) && s.clientHeight > 50).length !== 1)
			wrong.add(f.id + ": no figure, or two");
		for (const f of document.querySelectorAll("figure")) if (f.querySelectorAll("details tbody tr").length < 2) wrong.add(f.id + ": no table");
		for (const e of document.querySelectorAll("button,.bar,#tip,[aria-pressed]")) wrong.add("an element " + (e.id || e.localName) + ", which needs the script");
		return [...wrong];
	}`, essential)
}
