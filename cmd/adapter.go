package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/adapter/conformance"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

func newAdapterCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "adapter",
		Short:   "Test adapters: programs that connect stores in other languages",
		Long:    "An adapter is a program that makes a store in another language a target. docs/adapter-protocol.md defines the protocol.",
		Example: "  sessbench adapter test -- python3 my_adapter.py",
	}
	c.AddCommand(newAdapterTestCmd(a), newAdapterNoopCmd(a))
	return c
}

// newAdapterNoopCmd is the adapter with which a run measures the cost of the protocol.
func newAdapterNoopCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "noop",
		Short:  "Serve the adapter protocol without a store",
		Hidden: true,
		Args:   noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			if err := a.commit(); err != nil {
				return errors.Join(err, l.Close())
			}
			return adapter.ServeNoop(c.Context(), l, a.in, a.out)
		},
	}
}

// adapterTestOptions are the options of `adapter test`.
type adapterTestOptions struct {
	*app
	Target  string
	Timeout time.Duration
	spec    adapter.Spec
	print   func(*conformance.Report) error
}

func newAdapterTestCmd(a *app) *cobra.Command {
	o := &adapterTestOptions{app: a, Timeout: conformance.DefaultTimeout}
	c := &cobra.Command{
		Use:   "test [flags] -- COMMAND...",
		Short: "Check that an adapter implements the protocol",
		Long: `Test starts an adapter, sends it the requests of the protocol, and checks every response. For each failed check it
prints the request, the response, what was expected, and the section of docs/adapter-protocol.md that requires it. After a failed
check the program is started again. All sessions that test creates are removed.

Test does not check the store under concurrency: run verify for that.

Exit codes: 0 conforms, 5 does not conform, 1 the program cannot be started or the address does not answer.`,
		Example: `  sessbench adapter test -- python3 my_adapter.py --lock per-session
  sessbench adapter test --target tcp:127.0.0.1:7000 -f json`,
		Args: func(c *cobra.Command, args []string) error { return o.settle(c, args) },
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	flags := newFlagGroup("Flags")
	o.print = printer(a, flags, []reports.FormatOf[*conformance.Report]{
		{Name: "table", Doc: "every check, and what was sent and received in those that failed",
			Write: func(w io.Writer, r *conformance.Report, screen reports.Options) error {
				return r.Page().WriteText(w, screen)
			}},
		{Name: "json", Doc: "all checks, for programs",
			Write: func(w io.Writer, r *conformance.Report, _ reports.Options) error { return result.EncodeJSON(w, r) }},
	})
	flags.StringVar(&o.Target, "target", "", "address of a running adapter, in place of COMMAND: `tcp:HOST:PORT` or unix:PATH; or exec:COMMAND")
	flags.Var(into(o.Timeout.String(), setting.Duration(10*time.Millisecond, time.Hour), &o.Timeout), "timeout",
		"`TIME` limit of a response, in addition to the work requested")
	addGroups(c, flags)
	c.Flags().SetInterspersed(false) // the rest are arguments of COMMAND
	return c
}

// settle reads the adapter from the arguments or --target.
func (o *adapterTestOptions) settle(c *cobra.Command, args []string) (err error) {
	switch given := c.Flags().Changed("target"); {
	case given && len(args) > 0:
		return usagef("%sunexpected argument %q: want a command or --target, not both", where(c), args[0])
	case given:
		if o.spec, err = adapter.Parse(o.Target); err != nil {
			return usagef("--%w", err) // which begins with the flag's name
		}
	case len(args) == 0 || args[0] == "":
		return usagef("%sno adapter: want %s -- COMMAND, or --target", where(c), c.CommandPath())
	default:
		o.spec = adapter.Spec{Command: args}
	}
	return nil
}

func (o *adapterTestOptions) run(ctx context.Context) error {
	if err := o.commit(); err != nil {
		return err
	}
	r, err := conformance.Run(ctx, conformance.Config{Target: o.spec, Timeout: o.Timeout})
	if err != nil {
		return err
	}
	if err = o.print(r); err == nil && !r.Conforms() {
		err = &exitError{exitViolated, fmt.Errorf("%s does not conform: %d of %d checks failed", o.spec, r.Count(conformance.Fail), len(r.Checks))}
	}
	return err
}
