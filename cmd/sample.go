package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/runner"
)

// newSampleCmd makes the command whose processes `check` takes turns with: one trial and nothing else. It is hidden, but part
// of what two builds must agree on: an older one is started with these flags, and prints its result document. It reads
// neither a configuration file nor the environment, since check has done so.
func newSampleCmd(a *app) *cobra.Command {
	o := &runOptions{common: common{app: a, Quiet: true}}
	var turns time.Duration
	fs := newFlagGroup("Turns")
	fs.Var(duration("", time.Millisecond, time.Second, func(d time.Duration) { turns = d }), "turns",
		"take turns of this `TIME` with other processes: t or f on stdout gives the machine away, a byte on stdin gives it back")
	c := &cobra.Command{
		Use:     "sample [flags]",
		Short:   "Measure one trial and print its result document",
		Long:    "Sample measures one trial of each strategy under each scenario, and prints the result document. It is what check starts, again and again.",
		Example: "  sessbench sample -S sharded -s chatbot --hold 0s --warmup 60ms --duration 240ms",
		Args:    noArgs,
		Hidden:  true,
		RunE:    func(c *cobra.Command, _ []string) error { return o.sample(c.Context(), turns) },
	}
	addGroups(c, o.whatFlags(), o.usersFlags(), o.trialFlags(), fs)
	return c
}

func (o *runOptions) sample(ctx context.Context, turns time.Duration) (err error) {
	o.Baseline, o.Runs = "none", 1
	cfg := runner.Config{Warmup: o.Warmup, Window: o.Duration, Seed: o.Seed}
	if turns > 0 {
		cfg.Turns = &runner.Turns{Length: turns, Over: o.giveTurn, Next: o.awaitTurn}
	}
	if cfg.Subjects, err = o.subjects(); err != nil {
		return err
	}
	if cfg.Scenarios, err = o.scenarios(); err != nil {
		return err
	}
	doc, err := runner.Sample(ctx, cfg)
	if err != nil {
		return err
	}
	doc.Tool, doc.Config = thisTool(), o.resolved(cfg)
	return json.NewEncoder(o.out).Encode(doc)
}

// giveTurn tells the parent that this process rests: t, and f when it has finished.
func (o *runOptions) giveTurn(finished bool) error {
	word := "t"
	if finished {
		word = "f"
	}
	_, err := io.WriteString(o.out, word)
	return err
}

// awaitTurn waits for the parent's word.
func (o *runOptions) awaitTurn() error {
	var word [1]byte
	if _, err := io.ReadFull(o.in, word[:]); err != nil {
		return errors.New("whoever gave the turns is gone")
	}
	return nil
}
