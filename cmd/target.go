package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/httptarget"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/scenarios"
)

func newTargetCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "target",
		Short:   "Connect HTTP services: test and write mapping files",
		Long:    "A mapping file says which requests to an HTTP service the operations on sessions become. docs/http.md describes it.",
		Example: "  sessbench target init --openapi http://127.0.0.1:8000/openapi.json -o chat.yaml\n  sessbench target test http:chat.yaml",
	}
	c.AddCommand(newTargetInitCmd(a), newTargetTestCmd(a))
	return c
}

// targetTestOptions are the options of `target test`.
type targetTestOptions struct {
	*app
	path        string
	Timeout     time.Duration
	AllowRemote []string
	print       func(*rehearsed) error
}

// rehearsed is what target test shows.
type rehearsed struct {
	target    *httptarget.Target
	exchanges []*httptarget.Exchange
	*httptarget.Rehearsal
}

func newTargetTestCmd(a *app) *cobra.Command {
	o := &targetTestOptions{app: a, Timeout: adapter.DefaultTimeout}
	c := &cobra.Command{
		Use:   "test [flags] http:FILE",
		Short: "Perform each operation of a mapping once",
		Long: `Test performs each operation of a mapping once, shows the requests and the answers, and says which scenarios and checks fit the
service and what is missing for the others. Values of cookies and secrets are not shown.

Exit codes: 0 every operation works, 2 the mapping does not fit the service, 1 the service cannot be started or does not answer.`,
		Example: `  sessbench target test http:chat.yaml`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%swant one mapping file, http:FILE", where(c))
			}
			path, ok := strings.CutPrefix(args[0], "http:")
			if !ok || path == "" || strings.HasPrefix(path, "//") {
				return usagef("%s%q: want http:FILE with a mapping file", where(c), args[0])
			}
			o.path = path
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	flags := newFlagGroup("Flags")
	o.print = printer(a, flags, []reports.FormatOf[*rehearsed]{{
		Name: "table", Doc: "requests, answers, and what fits",
		Write: func(w io.Writer, r *rehearsed, screen reports.Options) error { return r.page().WriteText(w, screen) },
	}})
	flags.Var(into(o.Timeout.String(), setting.Duration(10*time.Millisecond, time.Hour), &o.Timeout), "timeout", "`TIME` limit of an answer")
	flags.StringSliceVar(&o.AllowRemote, "allow-remote", nil, "`HOSTS` beside this machine to which requests may be sent")
	addGroups(c, flags)
	return c
}

func (o *targetTestOptions) run(ctx context.Context) (err error) {
	m, err := httptarget.Load(o.path, o.AllowRemote)
	if err != nil {
		return usagef("%w", err)
	}
	if err := o.commit(); err != nil {
		return err
	}
	r := &rehearsed{}
	if r.target, err = httptarget.Start(ctx, m, httptarget.Options{Timeout: o.Timeout}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.target.Close()) }()
	r.Rehearsal, err = r.target.Rehearse(ctx, func(x *httptarget.Exchange) { r.exchanges = append(r.exchanges, x) })
	if _, bad := errors.AsType[*httptarget.MappingError](err); bad && !errors.Is(err, scenarios.ErrUnavailable) {
		return usagef("%w", err)
	}
	if err != nil {
		return err
	}
	return o.print(r)
}

// counted is names with their noun.
func counted(names []string, noun string) string {
	if len(names) > 1 {
		noun += "s"
	}
	return noun + " " + sheet.And(names)
}

// page shows the exchanges, and says what fits.
func (r *rehearsed) page() *sheet.Page {
	p := &sheet.Page{}
	p.Draw(func(t *sheet.Text) error {
		last := scenarios.NumOps
		for _, x := range r.exchanges {
			if x.Op != last {
				t.Line(x.Op.String())
				last = x.Op
			}
			for line := range strings.SplitSeq(x.String(), "\n") {
				t.Line(line)
			}
		}
		return nil
	})
	var fit []string
	missing := map[string][]string{} // names of scenarios by what they lack
	var lacks []string
	for _, s := range scenarios.All() {
		var without []string
		for _, op := range s.RequiredOps() {
			if !r.target.Supports(op) {
				without = append(without, op.String())
			}
		}
		if len(without) == 0 {
			fit = append(fit, s.Name)
			continue
		}
		what := sheet.And(without)
		if !slices.Contains(lacks, what) {
			lacks = append(lacks, what)
		}
		missing[what] = append(missing[what], s.Name)
	}
	say := func(format string, args ...any) { p.Say(sheet.Plain, fmt.Sprintf(format, args...)) }
	if len(fit) > 0 {
		say("run: the mapping fits the %s.", counted(fit, "scenario"))
	}
	for _, what := range lacks {
		say("run: not mapped: %s, for the %s.", what, counted(missing[what], "scenario"))
	}
	if err := verify.Fit(r.target); err != nil {
		say("verify: %v.", err)
	} else {
		say("verify: the mapping fits.")
	}
	if !r.target.ReusesIDs() {
		say("The service names its sessions, so no id is used again after a removal: errors that need that cannot show. " +
			"Map get_or_create with session: {id: {client: uuid}} if the service takes ids from its clients.")
	}
	if !r.Numbered && r.target.Supports(scenarios.Append) {
		say("The answer to append has no number of the message (seq), so verify searches for an order of the operations, in smaller rounds.")
	}
	if r.InCookie {
		say("The state is in the cookie: an older one shows the session as it was before.")
	}
	if len(r.Replaced) > 0 && len(r.Kept) > 0 {
		say("Two messages were added at the same time with one cookie, %q and %q: both requests succeeded, and only %q is kept, because its answer came "+
			"last and its cookie replaced the other.", r.Kept[0], r.Replaced[0], r.Kept[0])
	}
	if r.Unknown > 0 {
		say("The session that worker 1 created is unknown at worker %d: is its state kept per process? Where requests of a session go to "+
			"different workers, some will not find it. If something in front of the workers keeps a session with one: affinity: session.", r.Unknown)
	}
	if r.Outlives {
		say("After the removal the session could still be read: delete does not remove it, or another session is created in its place.")
	}
	return p
}
