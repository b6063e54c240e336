package figure

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sessbench/sessbench/internal/printable"
)

// layout is the width for which a figure is drawn.
type layout struct {
	class string
	width float64
	font  float64
}

// The text of wide has at least 11 pixels where the window has 640; where it is smaller, CSS shows narrow instead.
var (
	wide   = layout{"wide", 680, 13}
	narrow = layout{"narrow", 360, 12}
)

// fontSize is the larger of both.
const fontSize = 13

// canvas collects the elements of an SVG. Distances are in pixels of the layout.
type canvas struct {
	strings.Builder
	layout
	y float64 // where the next part begins
}

func (c *canvas) narrow() bool { return c.class == narrow.class }

// step is the distance of two lines of text.
func (c *canvas) step() float64 { return c.font + 5 }

// num writes a length with a precision of 0.1.
func num(x float64) string {
	s := strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
	if s == "-0" {
		return "0"
	}
	return s
}

// pairs writes lengths for the data of a path.
func pairs(xs ...float64) string {
	var b strings.Builder
	for i, x := range xs {
		if s := num(x); i > 0 && s[0] != '-' {
			b.WriteString(" " + s)
		} else {
			b.WriteString(s)
		}
	}
	return b.String()
}

// escaped returns text for an element or an attribute.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder returns no errors
	return b.String()
}

// clean returns text from outside as one line that is not cut for any name that occurs.
func clean(s string) string { return printable.Line(s, printable.MaxMessage) }

// attr writes an attribute with clean text.
func attr(name, value string) string { return " " + name + `="` + escaped(clean(value)) + `"` }

// tag writes an element without content. attributes begin with a blank.
func (c *canvas) tag(name, class, attributes string) {
	c.WriteString("<" + name)
	if class != "" {
		c.WriteString(` class="` + class + `"`)
	}
	c.WriteString(attributes + "/>\n")
}

// path draws a path.
func (c *canvas) path(class, d, attributes string) { c.tag("path", class, ` d="`+d+`"`+attributes) }

// hline draws a horizontal line.
func (c *canvas) hline(class string, x1, x2, y float64) {
	c.path(class, "M"+pairs(x1, y)+"H"+num(x2), "")
}

func (c *canvas) rect(class string, x, y, w, h float64, attributes string) {
	c.tag("rect", class, ` x="`+num(x)+`" y="`+num(y)+`" width="`+num(w)+`" height="`+num(h)+`"`+attributes)
}

// text writes a text whose base line is at y, cut to the room; then its title is the whole text.
func (c *canvas) text(class string, x, y, room float64, s string) {
	s = clean(s)
	short, title := cut(s, room, c.font), ""
	if short == "" {
		return
	}
	if short != s {
		title = "<title>" + escaped(s) + "</title>"
	}
	if class != "" {
		class = ` class="` + class + `"`
	}
	c.WriteString("<text" + class + ` x="` + num(x) + `" y="` + num(y) + `">` + title + escaped(short) + "</text>\n")
}

// prose writes sentences, each on lines of its own.
func (c *canvas) prose(class string, sentences ...string) {
	for _, s := range sentences {
		line := ""
		for word := range strings.FieldsSeq(clean(s)) {
			if line != "" && textWidth(line+" "+word, c.font) > c.width {
				c.y += c.step()
				c.text(class, 0, c.y-4, c.width, line)
				line = ""
			}
			line = strings.TrimPrefix(line+" "+word, " ")
		}
		c.y += c.step()
		c.text(class, 0, c.y-4, c.width, line)
	}
}

// textWidth estimates the width of a text in DejaVu Sans, which is wider than most fonts.
func textWidth(s string, font float64) (width float64) {
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljI|.,:;'! ·()[]tfr-", r):
			width += 0.4
		case strings.ContainsRune("mwMW%@—…", r):
			width += 1
		case strings.ContainsRune("×±≥≤=<>+~", r):
			width += 0.84
		case r >= 'A' && r <= 'Z':
			width += 0.72
		case r >= 0x1100:
			width++ // among them the wide characters
		default:
			width += 0.63
		}
	}
	return width * font
}

// cut returns s with an ellipsis as its end if it needs more room.
func cut(s string, room, font float64) string {
	if textWidth(s, font) <= room {
		return s
	}
	for s != "" {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
		if short := strings.TrimRight(s, " ") + "…"; textWidth(short, font) <= room {
			return short
		}
	}
	return ""
}
