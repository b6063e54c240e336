package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/setting"
)

// newSampleCmd makes the command that `check` starts in its processes: one trial and nothing else. It is hidden, but two
// builds must agree on it: an older one is started with these flags, and prints its result document. It reads neither a
// configuration file nor the environment, because check has done so.
func newSampleCmd(a *app) *cobra.Command {
	o := newRunOptions(a)
	o.Quiet = true
	var slice time.Duration
	fs := newFlagGroup("Time slices")
	fs.Var(into("", setting.Duration(time.Millisecond, time.Second), &slice), "turns",
		"length of a time slice, `TIME`: t or f on stdout yields the machine to the other processes, a byte on stdin begins the next slice")
	c := &cobra.Command{
		Use:     "sample [flags]",
		Short:   "Measure one trial and print its result document",
		Long:    "Sample measures one trial of each strategy under each scenario, and prints the result document. It is started by check.",
		Example: "  sessbench sample -S sharded -s chatbot --hold 0s --warmup 60ms --duration 240ms",
		Args:    noArgs,
		Hidden:  true,
		RunE:    func(c *cobra.Command, _ []string) error { return o.sample(c.Context(), slice) },
	}
	addGroups(c, o.whatFlags(), o.work.usersFlags(), o.work.trialFlags(), fs)
	return c
}

func (o *runOptions) sample(ctx context.Context, slice time.Duration) error {
	o.choice.Baseline, o.work.Runs = "none", 1
	cfg, err := o.work.config(false)
	if err != nil {
		return err
	}
	if slice > 0 {
		cfg.TimeSlices = &runner.TimeSlices{Length: slice, Over: o.yieldSlice, Next: o.awaitSlice}
	}
	if cfg.Subjects, err = o.choice.subjects(); err != nil {
		return err
	}
	doc, err := runner.Sample(ctx, cfg)
	if err != nil {
		return err
	}
	doc.Tool, doc.Config = thisTool(), o.resolved(cfg)
	return json.NewEncoder(o.out).Encode(doc)
}

// yieldSlice ends a time slice: it writes t, and f when the trial has finished.
func (o *runOptions) yieldSlice(finished bool) error {
	word := "t"
	if finished {
		word = "f"
	}
	_, err := io.WriteString(o.out, word)
	return err
}

// awaitSlice waits until the parent begins the next time slice.
func (o *runOptions) awaitSlice() error {
	var word [1]byte
	if _, err := io.ReadFull(o.in, word[:]); err != nil {
		return errors.New("parent process exited")
	}
	return nil
}
