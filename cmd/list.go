package cmd

import (
	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/reports"
)

func newListCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "list [flags]",
		Short: "List strategies with their guarantees, scenarios, and output formats",
		Long: `List prints the strategies with their guarantees and parameters, the scenarios with their purpose and defaults, and
the output formats.`,
		Example: "  sessbench list\n  sessbench list -f json",
		Args:    noArgs,
	}
	fs := newFlagGroup("Flags")
	show := printer(a, fs, reports.ListingFormats())
	addGroups(c, fs)
	c.RunE = func(*cobra.Command, []string) error {
		return show(reports.NewListing(a.strategies(), a.remote(), a.probes()))
	}
	return c
}
