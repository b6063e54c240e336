package cmd

import (
	"fmt"
	"io"
	"math/bits"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/reports/result"
)

// progress shows the progress of a command: a bar on a terminal, with a line above it for each strategy, and lines for logs elsewhere. It
// is called between the measured windows, and once per second in them, on one goroutine, and starts no other, so that it hardly affects
// what is measured.
type progress struct {
	w      io.Writer
	screen bool // draw a bar
	log    bool // write lines
	bar    *progressbar.ProgressBar

	start time.Time
	now   func() time.Time

	finished, tasks int // subjects of verify

	lastLive time.Time // of a line of a log

	mu       sync.Mutex // protects what is on the terminal, which others write to; see aside
	size     func() (columns, rows int)
	scenario string      // that is measured
	lines    []*liveLine // of the strategies in it
	current  int         // the one that is measured
	shown    int         // lines on the terminal
}

func newProgress(w io.Writer, quiet bool) *progress {
	screen := isTerminal(w)
	now := time.Now()
	return &progress{
		w: w, screen: screen && !quiet, log: !screen && !quiet, start: now, now: time.Now, lastLive: now,
		size: func() (columns, rows int) { return terminalSize(w) },
	}
}

// trial shows a step of a run, in a log each finished block.
func (p *progress) trial(s runner.Step) {
	what := ""
	if s.Label != "" {
		what = s.Scenario + ": " + s.Label
	}
	switch prep := s.Preparing; {
	case prep.Sessions > 0:
		what += fmt.Sprintf(", preparing %s/%s", result.FormatCount(int64(prep.Made)), result.FormatCount(int64(prep.Sessions)))
		if powerOfTwo(int(prep.Took / runner.PreparingEvery)) { // after 2, 4, 8, 16 seconds and so on
			p.line("%s (%s): preparing: %s of %s, %v", s.Label, s.Scenario,
				result.FormatCount(int64(prep.Made)), result.FormatCounted(prep.Sessions, "session"), prep.Took.Round(time.Second))
		}
	case s.Found != "":
		p.line("%s: %s (%v)", s.Scenario, s.Found, p.elapsed())
	case s.Label == "" && s.Block > 0:
		p.line("%s: block %d/%d done (%d/%d trials, %v%s)", s.Scenario, s.Block, s.Blocks, s.Done, s.Trials, p.elapsed(), timeLeft(s.Left))
	}
	if what != "" {
		what += timeLeft(s.Left)
	}
	p.draw(what, s.Done, s.Trials)
}

// timeLeft writes an estimate of the time that is left, if there is one.
func timeLeft(left time.Duration) string {
	if left <= 0 {
		return ""
	}
	return fmt.Sprintf(", %v left", left.Round(time.Second))
}

// parts is the number of steps of the bar for each subject of verify, whatever its number of rounds.
const parts = 100

// round shows a round of verify, in a log the rounds 100, 200, 400, 800 and so on.
func (p *progress) round(t task, s verify.Step) {
	if s.Round%100 == 0 && powerOfTwo(s.Round/100) {
		p.line("%s: round %d (%v)", t.Label, s.Round, p.elapsed())
	}
	within := 0
	if s.Rounds > 0 {
		within = parts * s.Round / s.Rounds
	}
	p.draw(fmt.Sprintf("%s, round %d", t.Label, s.Round), p.finished*parts+within, p.tasks*parts)
}

// verified shows that a subject of verify is done.
func (p *progress) verified(r *verify.Report) {
	p.finished++
	p.line("%s: %s (%d/%d, %v)", r.Subject, r.Verdict, p.finished, p.tasks, p.elapsed())
	p.draw(r.Subject, p.finished*parts, p.tasks*parts)
}

func powerOfTwo(n int) bool { return bits.OnesCount(uint(n)) == 1 }

func (p *progress) elapsed() time.Duration { return p.now().Sub(p.start).Round(time.Second) }

// line writes a line of a log.
func (p *progress) line(format string, args ...any) {
	if p.log {
		fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// draw shows on a terminal that done of all are done, and what is being done; empty: as before.
func (p *progress) draw(what string, done, all int) {
	if !p.screen {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(int64(all),
			progressbar.OptionSetWriter(p.w), // the default is stdout
			progressbar.OptionSetWidth(20),
			progressbar.OptionShowCount(),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionSetSpinnerChangeInterval(0), // or a goroutine draws
			progressbar.OptionClearOnFinish())
	}
	if what != "" {
		if columns, _ := p.terminal(); columns > 0 {
			what = cut(what, max(10, columns-barColumns))
		}
		p.bar.Describe(what)
	}
	_ = p.bar.Set(done) // a terminal that is gone does not end a run
}

// barColumns are the columns of a bar besides what it describes.
const barColumns = 50

// clear removes the bar, and the lines above it.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hide()
}
