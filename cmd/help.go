package cmd

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/sheet"
)

const helpWidth = 80 // without COLUMNS and a terminal

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
		fmt.Fprintf(out, "%s\n\n", sheet.Fill(c.Long, columns))
		fmt.Fprintf(out, "Usage:\n  %s\n", c.UseLine())
		if c.Example != "" {
			fmt.Fprintf(out, "\nExamples:\n%s\n", c.Example)
		}
		if c.HasAvailableSubCommands() {
			fmt.Fprintf(out, "\nCommands (COMMAND --help shows more):\n%s\n", sheet.Fill(commandItems(c), columns))
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
