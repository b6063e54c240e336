package cmd

import (
	"errors"

	"github.com/spf13/cobra"
)

func newRootCmd(a *app) *cobra.Command {
	var version bool
	c := &cobra.Command{
		Use:   "sessbench",
		Short: "Benchmark and verify session stores",
		Long: `Sessbench is a load-testing tool for session stores. Concurrent users run a scenario against each store. After each
trial an audit checks that no message was lost, duplicated or stored in the wrong session. The result is a table that compares
the throughput and latency of the stores with a baseline and with the theoretical maximum.

  measure throughput and latency    sessbench run
  check correctness                 sessbench verify`,
		Example: `  # measure every strategy as the store of a chatbot, in about a minute
  sessbench run

  # check every strategy, and print the shortest history that shows each violation
  sessbench verify

  # one lock for all sessions against one lock per session: 100 users, 100 ms of work each
  sessbench run -s hundred-users -S global,per-session`,
		Args: subcommandOnly,
		RunE: func(c *cobra.Command, _ []string) error {
			if version {
				return a.printVersion()
			}
			return c.Help()
		},
		SilenceErrors: true, // main prints them on one line
		SilenceUsage:  true,
	}
	// Not cobra's flag, which takes a template to print just the version: with text/template, which calls methods by their names, the linker
	// keeps all exported methods, a quarter of the binary.
	c.Flags().BoolVarP(&version, "version", "v", false, "version of this program")
	setHelp(c)
	c.SetArgs(a.args)
	c.SetIn(a.in)
	c.SetOut(a.out)
	c.SetErr(a.err)
	c.SetFlagErrorFunc(flagError)
	c.AddCommand(newRunCmd(a), newAdapterCmd(a), newCheckCmd(a), newCompareCmd(a), newHistoryCmd(a), newListCmd(a), newReportCmd(a), newSampleCmd(a), newSweepCmd(a), newTargetCmd(a), newTraceCmd(a), newVerifyCmd(a), newVersionCmd(a))
	c.InitDefaultHelpCmd()
	c.InitDefaultCompletionCmd(a.args...)
	a.strict(c)
	return c
}

// strict makes cobra's commands help and completion reject unknown arguments, turns errors of argument checks into usage
// errors, and makes every command interruptible.
func (a *app) strict(c *cobra.Command) {
	switch {
	case c.Name() == "help":
		c.Args = func(c *cobra.Command, args []string) error {
			found, rest, _ := c.Root().Find(args)
			if len(rest) > 0 {
				return subcommandOnly(found, rest)
			}
			return nil
		}
	case !c.Runnable():
		c.Args = subcommandOnly
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			var known *exitError
			if err == nil || errors.As(err, &known) {
				return err
			}
			return usagef("%w", err)
		}
	}
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := noEmptyValues(c); err != nil {
				return err
			}
			return a.interruptible(c.Context(), func() error { return run(c, args) })
		}
	}
	for _, sub := range c.Commands() {
		a.strict(sub)
	}
}
