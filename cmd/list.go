package cmd

import (
	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/reports"
)

func newListCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "list [flags]",
		Short: "List strategies with their guarantees, scenarios, output formats, and flawed stores",
		Long: `List prints the strategies with their guarantees and parameters, the scenarios with their purpose and defaults, the
output formats, and the stores that are wrong on purpose, for verify --flawed.`,
		Example: "  sessbench list\n  sessbench list -f json",
		Args:    noArgs,
	}
	fs := newFlagGroup("Flags")
	show := printer(a, fs, reports.ListingFormats())
	addGroups(c, fs)
	c.RunE = func(*cobra.Command, []string) error {
		flaws := mapped(flawed.All(), func(f *flawed.Flaw) reports.ListedFlaw {
			return reports.ListedFlaw{Name: f.Name, How: f.How, Copies: f.Copies}
		})
		return show(reports.NewListing(a.strategies(), a.remote(), a.probes(), flaws))
	}
	return c
}
