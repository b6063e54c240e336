package figure

import "strconv"

// shapes are the outlines of markers, around their centre.
var shapes = [...]string{
	"m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z", // circle
	"m-4-4h8v8h-8z",           // square
	"m0-5.5l5 9h-10z",         // triangle
	"m0-6l5.5 6-5.5 6-5.5-6z", // diamond
	"m0 5.5l5-9h-10z",         // triangle, point down
	"m-1.7-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",            // plus
	"m-5.5 0l3-5h5l3 5-3 5h-5z",                                            // hexagon
	"m0-6l1.6 4 4.2.3-3.2 2.8 1 4.1-3.6-2.2-3.6 2.2 1-4.1-3.2-2.8 4.2-.3z", // star
}

const (
	cross = "m-5-5l10 10m0-10l-10 10"
	bar   = "m-3 0h6"
	dot   = "m-1.5 0a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0z"
)

// colour is the class of a style's colour. The styles of one colour have different shapes and dashes.
func colour(style int) string { return "c" + strconv.Itoa(style%len(colours)) }

func shape(style int) string { return shapes[(style+style/len(colours))%len(shapes)] }

// stroke is the class of a style's line.
func stroke(style, variant int) string {
	class := "line " + colour(style)
	if variant > 0 {
		return class + " v1"
	}
	if i := style / len(colours) % len(dashes); i > 0 {
		class += " d" + strconv.Itoa(i)
	}
	return class
}

// mark draws the marker of a point. Each state looks different without colours.
func (c *canvas) mark(style int, state State, x, y float64, attributes string) {
	at := "M" + pairs(x, y)
	switch state {
	case Struck:
		c.path("mark bad", at+cross, attributes)
	case Failing, Saturated:
		c.path("mark "+colour(style)+" open", at+shape(style), attributes)
	case Unranked:
		c.path("mark "+colour(style)+" open", at+shape(style)+at+bar, attributes)
	case Undecided:
		c.path("mark "+colour(style)+" open", at+shape(style)+at+dot, attributes)
	default:
		c.path("mark "+colour(style), at+shape(style), attributes)
	}
}

// neutral is a style with the colour of text and the first shape, for legends.
const neutral = 22

// data are the attributes of a mark.
func data(series, x, y, note string) string {
	s := attr("data-series", series) + attr("data-x", x) + attr("data-y", y)
	if note != "" {
		s += attr("data-note", note)
	}
	return s
}
