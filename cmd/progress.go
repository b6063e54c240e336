package cmd

import (
	"fmt"
	"io"
	"math/bits"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
)

// progress shows the progress of a run. It is called between the measured windows only, on one goroutine, and starts no
// other, so that it does not affect what is measured.
type progress interface {
	step(runner.Step)
	clear()
}

// newProgress shows a bar on a terminal and a line for each finished block elsewhere.
func newProgress(w io.Writer, quiet bool) progress {
	switch {
	case quiet:
		return silence{}
	case isTerminal(w):
		return &bar{w: w}
	default:
		return &blockLines{w: w, start: time.Now(), now: time.Now}
	}
}

type silence struct{}

func (silence) step(runner.Step) {}
func (silence) clear()           {}

// blockLines writes lines for logs.
type blockLines struct {
	w     io.Writer
	start time.Time
	now   func() time.Time
}

func (l *blockLines) step(s runner.Step) {
	switch p := s.Preparing; {
	case p.Sessions > 0:
		// After 2, 4, 8, 16 seconds and so on.
		if bits.OnesCount(uint(p.Took/runner.PreparingEvery)) == 1 {
			fmt.Fprintf(l.w, "%s (%s): preparing: %s of %s, %v\n",
				s.Label, s.Scenario, result.FormatCount(int64(p.Made)), result.FormatCounted(p.Sessions, "session"), p.Took.Round(time.Second))
		}
	case s.Label == "" && s.Block > 0:
		fmt.Fprintf(l.w, "%s: block %d/%d done (%d/%d trials, %v)\n",
			s.Scenario, s.Block, s.Blocks, s.Done, s.Trials, l.now().Sub(l.start).Round(time.Second))
	}
}

func (l *blockLines) clear() {}

// bar shows a progress bar.
type bar struct {
	w io.Writer
	*progressbar.ProgressBar
}

func (b *bar) step(s runner.Step) {
	what := ""
	if s.Label != "" {
		what = s.Scenario + ": " + s.Label
	}
	if p := s.Preparing; p.Sessions > 0 {
		what += fmt.Sprintf(", preparing %s/%s", result.FormatCount(int64(p.Made)), result.FormatCount(int64(p.Sessions)))
	}
	b.show(what, s.Done, s.Trials)
}

// show shows that done of all are done, and what is being done; empty: as before.
func (b *bar) show(what string, done, all int) {
	if b.ProgressBar == nil {
		b.ProgressBar = progressbar.NewOptions64(int64(all),
			progressbar.OptionSetWriter(b.w), // the default is stdout
			progressbar.OptionSetWidth(20),
			progressbar.OptionShowCount(),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionSetSpinnerChangeInterval(0), // or a goroutine draws
			progressbar.OptionClearOnFinish())
	}
	if what != "" {
		b.Describe(what)
	}
	_ = b.Set(done) // a terminal that is gone does not end a run
}

func (b *bar) clear() {
	if b.ProgressBar != nil {
		_ = b.Clear()
	}
}
