package figure

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// luminance is the relative luminance of a colour #rrggbb, as WCAG 2.2 defines it.
func luminance(t *testing.T, colour string) (sum float64) {
	t.Helper()
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		if c := float64(n) / 255; c <= 0.04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return sum
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestContrast(t *testing.T) {
	if c := contrast(t, "#777777", "#ffffff"); math.Abs(c-4.48) > 0.005 { // the example of WCAG's technique G18
		t.Errorf("contrast of grey and white: %.3f", c)
	}
	light, dark, _ := strings.Cut(CSS(), "prefers-color-scheme:dark")
	for name, css := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]string{}
		for _, found := range regexp.MustCompile(`--fig-(\w+):(#[0-9a-f]{6})`).FindAllStringSubmatch(css, -1) {
			colours[found[1]] = found[2]
		}
		if len(colours) != 13 {
			t.Errorf("%s: %d colours", name, len(colours))
		}
		for of, colour := range colours {
			least := map[string]float64{"text": 7, "muted": 4.5, "bad": 4.5, "back": 1, "grid": 1}[of]
			if least == 0 {
				least = 3 // of a mark
			}
			if c := contrast(t, colour, colours["back"]); c < least {
				t.Errorf("%s: %s is %s, with a contrast of %.2f, want %v", name, of, colour, c, least)
			}
		}
	}
}
