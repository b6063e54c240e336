package cmd

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/sheet"
)

const (
	helpWidth   = 80 // without COLUMNS and a terminal
	leastColumn = 24 // narrower text stands below its term, not beside it
)

// columnsOf is the width of help: COLUMNS, else that of the terminal.
func columnsOf(stream any) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if n := width(stream); n > 0 {
		return n
	}
	return helpWidth
}

// setHelp gives c, and its subcommands without another help, a help that fits the screen and lists the flags by group.
// Examples are commands and are not wrapped.
func setHelp(c *cobra.Command, groups ...flagGroup) {
	c.SetHelpFunc(func(c *cobra.Command, _ []string) {
		out := c.OutOrStdout()
		columns := columnsOf(out)
		fmt.Fprintf(out, "%s\n\n", fill(c.Long, columns))
		fmt.Fprintf(out, "Usage:\n  %s\n", c.UseLine())
		if c.Example != "" {
			fmt.Fprintf(out, "\nExamples:\n%s\n", c.Example)
		}
		if c.HasAvailableSubCommands() {
			fmt.Fprintf(out, "\nCommands (COMMAND --help shows more):\n%s\n", fill(commandItems(c), columns))
		}
		if groups == nil {
			fmt.Fprintf(out, "\nFlags:\n%s", c.LocalFlags().FlagUsagesWrapped(columns))
		}
		for _, g := range groups {
			fmt.Fprintf(out, "\n%s:\n%s", g.heading, g.FlagUsagesWrapped(columns))
		}
	})
}

// commandItems lists the subcommands of c, one item each.
func commandItems(c *cobra.Command) string {
	var items strings.Builder
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			fmt.Fprintf(&items, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
	return strings.TrimSuffix(items.String(), "\n")
}

// fill wraps the paragraphs of a text. A line that begins with two blanks is an item: a term and, after a gap of two blanks
// or more, its meaning, which following lines that are indented further continue. Lines that begin with a tab are kept.
func fill(text string, columns int) string {
	var filled []string
	var paragraph, item []string
	flush := func() {
		if len(paragraph) > 0 {
			filled = append(filled, sheet.Wrap(strings.Join(paragraph, " "), columns))
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
	indent := len(margin) + utf8.RuneCountInString(term) + gap
	between := strings.Repeat(" ", gap)
	if columns-indent < leastColumn {
		indent = 3 * len(margin)
		between = "\n" + strings.Repeat(" ", indent)
	}
	if meaning = strings.TrimSpace(meaning); meaning == "" {
		return margin + term
	}
	return margin + term + between + strings.ReplaceAll(sheet.Wrap(meaning, columns-indent), "\n", "\n"+strings.Repeat(" ", indent))
}
