// Package printable makes text that comes from outside this program safe to print: the names and messages of adapters, their
// stderr, strings of documents. Such text may hold terminal escapes, line ends that fake a row of a table, or directional
// marks that reorder what stands beside them.
package printable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest name and the longest error message that are shown, in characters.
const (
	MaxName    = 100
	MaxMessage = 500
)

// Name returns s as one line of at most [MaxName] characters.
func Name(s string) string { return Line(s, MaxName) }

// Line returns s as one line of at most most characters: without control and format characters, bidirectional ones
// included, each run of white space as one space and none at either end, each invalid byte as U+FFFD, and an ellipsis as the
// last character where it was longer. Joiners stay: emoji and several scripts need them.
func Line(s string, most int) string {
	s = strings.Join(strings.Fields(strings.Map(visible, s)), " ")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	n := 0
	for at := range s {
		if n++; n == most {
			return s[:at] + "…"
		}
	}
	return ""
}

// Text returns s like [Line], but keeps its lines, tabs, spaces and length.
func Text(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s // most text, histograms of a megabyte among it
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return visible(r)
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// visible is the character that stands for r, or -1 for none.
func visible(r rune) rune {
	const joiner, nonJoiner = '\u200d', '\u200c'
	switch {
	case unicode.IsSpace(r): // line and paragraph separators, too
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != joiner && r != nonJoiner:
		return -1
	}
	return r
}
