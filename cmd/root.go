package cmd

import (
	"errors"

	"github.com/spf13/cobra"
)

func newRootCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "sessbench",
		Short: "Is this session store correct under concurrency, how fast is it, and why?",
		Long: `Sessbench drives users through a scenario against session stores, checks that no store lost, duplicated or mixed
up anything, and prints a before/after table: how fast each way to lock is, and how near to what is possible.

  The main job is one command:  sessbench run
  Whether a store is correct:   sessbench verify`,
		Example: `  # every lock strategy as the store of a chatbot, in about a minute
  sessbench run

  # is every one of them correct? the shortest history that proves it where one is not
  sessbench verify

  # one lock for everybody against one lock a session: a hundred users, 100 ms of work each
  sessbench run -s hundred-users -S global,per-session`,
		Args:          subcommandOnly,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors: true, // main writes them, on one line
		SilenceUsage:  true,
	}
	c.Version = versionText()
	c.SetVersionTemplate("{{.Version}}")
	c.Flags().BoolP("version", "v", false, "print the version")
	setHelp(c)
	c.SetArgs(a.args)
	c.SetIn(a.in)
	c.SetOut(a.out)
	c.SetErr(a.err)
	c.SetFlagErrorFunc(flagError)
	c.AddCommand(newRunCmd(a), newAdapterCmd(a), newCheckCmd(a), newCompareCmd(a), newHistoryCmd(a), newListCmd(a), newReportCmd(a), newSampleCmd(a), newTraceCmd(a), newVerifyCmd(a), newVersionCmd(a))
	c.InitDefaultHelpCmd()
	c.InitDefaultCompletionCmd(a.args...)
	a.strict(c)
	return c
}

// strict has cobra's own commands, help and completion, refuse what they do not know, makes whatever any check of
// arguments finds a usage error, and makes every command interruptible.
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
