package figure

import (
	"fmt"
	"strings"
)

// colours are those of Okabe and Ito (2008), which people with any colour vision can tell apart, in light and dark. The contrast of each
// to the background is at least 3:1 (WCAG 2.2, 1.4.11). On white their orange (2.2), sky blue (2.3) and yellow (1.3) are too light for
// that, so these are darker here. On black several are lighter, and their black is white.
var colours = [...]struct{ light, dark string }{
	{"#0072b2", "#2a93d5"}, {"#d55e00", "#e8702a"}, {"#009e73", "#00b084"}, {"#cc79a7", "#cc79a7"},
	{"#c48600", "#e69f00"}, {"#2f9bd8", "#8accf2"}, {"#111111", "#eeeeee"}, {"#a09200", "#f0e442"},
}

// dashes are those of lines whose colours were used before.
var dashes = [...]string{"", "7 3", "2 2", "8 3 2 3"}

// secondDash is that of the second variant of a name.
const secondDash = "2 3"

const rules = `svg.fig{display:block;width:100%;height:auto;max-width:820px;color:var(--fig-text)}
.fig.narrow{display:none;max-width:480px}
.fig text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif;fill:currentColor}
.fig.narrow text{font-size:12px}
.fig .heading{font-weight:600}
.fig .muted{fill:var(--fig-muted)}
.fig .end{text-anchor:end}.fig .mid{text-anchor:middle}
.fig .halo{paint-order:stroke;stroke:var(--fig-back);stroke-width:4px;stroke-linejoin:round}
.fig .back{fill:var(--fig-back)}
.fig .grid{stroke:var(--fig-grid);fill:none}
.fig .axis{stroke:var(--fig-muted);fill:none}
.fig .ref{stroke:var(--fig-muted);stroke-width:1.5;stroke-dasharray:5 3;fill:none}
.fig .band{fill:var(--fig-muted);fill-opacity:.16}
.fig .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.fig .thin{stroke-width:1.4}
.fig .mark{stroke-width:1.5;stroke-linejoin:round}
.fig .open{fill:var(--fig-back)}
.fig .bad{stroke:var(--fig-bad);stroke-width:2.5;fill:none}
.fig .struck{text-decoration:line-through}
.fig .alarm{fill:var(--fig-bad)}
.fig .hit{fill:currentColor;fill-opacity:0}
`

// narrowRule shows the other layout on small screens. Paper has the wide one, and light colours.
const narrowRule = "@media screen and (max-width:640px){.fig.wide{display:none}.fig.narrow{display:block}}\n"

// CSS returns the rules of all figures of a page, with the colours as custom properties: --fig-0 to --fig-7, --fig-text, --fig-muted,
// --fig-grid, --fig-back and --fig-bad. A page may set them.
func CSS() string {
	var b strings.Builder
	properties := func(dark bool) {
		b.WriteString(":root{")
		for i, c := range colours {
			fmt.Fprintf(&b, "--fig-%d:%s;", i, choose(dark, c.dark, c.light))
		}
		b.WriteString(choose(dark, "--fig-text:#e6e6e6;--fig-muted:#a0a8b0;--fig-grid:#343a41;--fig-back:#0d1117;--fig-bad:#ff7b72}",
			"--fig-text:#1b1f24;--fig-muted:#59636e;--fig-grid:#dde2e7;--fig-back:#ffffff;--fig-bad:#b00020}"))
	}
	properties(false)
	b.WriteString("\n@media screen and (prefers-color-scheme:dark){")
	properties(true)
	b.WriteString("}\n" + rules + narrowRule)
	for i := range colours {
		fmt.Fprintf(&b, ".fig .c%d{stroke:var(--fig-%d);fill:var(--fig-%d)}\n", i, i, i)
	}
	for i, d := range dashes[1:] {
		fmt.Fprintf(&b, ".fig .d%d{stroke-dasharray:%s}\n", i+1, d)
	}
	fmt.Fprintf(&b, ".fig .v1{stroke-dasharray:%s}\n.fig .line{fill:none}.fig .open{fill:var(--fig-back)}\n", secondDash)
	b.WriteString("@media print{.fig{break-inside:avoid}}\n")
	return b.String()
}

func choose[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}
