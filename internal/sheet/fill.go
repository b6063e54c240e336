package sheet

import "strings"

// leastMeaning is the least width of a meaning beside its term. A narrower one stands below it.
const leastMeaning = 24

// Fill wraps the paragraphs of a text. A line that begins with two blanks is an item: a term and, after a gap of two blanks
// or more, its meaning, which following lines that are indented further continue. Lines that begin with a tab are kept.
func Fill(text string, columns int) string {
	var filled []string
	var paragraph, item []string
	flush := func() {
		if len(paragraph) > 0 {
			filled = append(filled, Wrap(strings.Join(paragraph, " "), columns))
		}
		if len(item) > 0 {
			filled = append(filled, fillItem(item, columns))
		}
		paragraph, item = nil, nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "\t"):
			flush()
			filled = append(filled, line)
		case strings.HasPrefix(line, "   ") && item != nil:
			item = append(item, strings.TrimSpace(line))
		case strings.HasPrefix(line, "  "):
			flush()
			item = []string{strings.TrimSpace(line)}
		default:
			paragraph = append(paragraph, line)
		}
	}
	flush()
	return strings.Join(filled, "\n")
}

// fillItem puts the meaning of an item beside its term, or below it where the room is too small.
func fillItem(lines []string, columns int) string {
	const margin = "  "
	term, meaning, _ := strings.Cut(lines[0], "  ")
	meaning = strings.Join(append([]string{strings.TrimSpace(meaning)}, lines[1:]...), " ")
	gap := len(lines[0]) - len(term) - len(strings.TrimLeft(lines[0][len(term):], " "))
	indent := len(margin) + width(term) + gap
	between := strings.Repeat(" ", gap)
	if columns-indent < leastMeaning {
		indent = 3 * len(margin)
		between = "\n" + strings.Repeat(" ", indent)
	}
	if meaning = strings.TrimSpace(meaning); meaning == "" {
		return margin + term
	}
	return margin + term + between + strings.ReplaceAll(Wrap(meaning, columns-indent), "\n", "\n"+strings.Repeat(" ", indent))
}
