package cmd

import (
	"fmt"
	"io"
	"math/bits"
	"time"

	"github.com/sessbench/sessbench/internal/verify"
)

// verifyProgress shows the progress of verifying several subjects.
type verifyProgress interface {
	step(t task, s verify.Step)
	done(r *verify.Report)
	clear()
}

// newVerifyProgress returns a bar on a terminal, and otherwise one line per completed subject.
func newVerifyProgress(w io.Writer, quiet bool, tasks []task) verifyProgress {
	switch {
	case quiet:
		return verifySilence{}
	case isTerminal(w):
		return &verifyBar{bar: bar{w: w}, tasks: len(tasks)}
	default:
		return &verifyLines{w: w, tasks: len(tasks), start: time.Now(), now: time.Now}
	}
}

type verifySilence struct{}

func (verifySilence) step(task, verify.Step) {}
func (verifySilence) done(*verify.Report)    {}
func (verifySilence) clear()                 {}

// verifyLines writes lines for logs.
type verifyLines struct {
	w               io.Writer
	finished, tasks int
	start           time.Time
	now             func() time.Time
}

// step writes a line after 100, 200, 400, 800 rounds and so on.
func (l *verifyLines) step(t task, s verify.Step) {
	if s.Round%100 == 0 && bits.OnesCount(uint(s.Round/100)) == 1 {
		fmt.Fprintf(l.w, "%s: round %d (%v)\n", t.Label, s.Round, l.now().Sub(l.start).Round(time.Second))
	}
}

func (l *verifyLines) done(r *verify.Report) {
	l.finished++
	fmt.Fprintf(l.w, "%s: %s (%d/%d, %v)\n", r.Subject, r.Verdict, l.finished, l.tasks, l.now().Sub(l.start).Round(time.Second))
}

func (*verifyLines) clear() {}

// verifyBar draws a bar. Every subject has the same share, whatever its number of rounds.
type verifyBar struct {
	bar
	finished, tasks int
}

// parts is the resolution of the share of one subject.
const parts = 100

func (b *verifyBar) step(t task, s verify.Step) {
	within := 0
	if s.Rounds > 0 {
		within = parts * s.Round / s.Rounds
	}
	b.show(fmt.Sprintf("%s, round %d", t.Label, s.Round), b.finished*parts+within, b.tasks*parts)
}

func (b *verifyBar) done(r *verify.Report) {
	b.finished++
	b.show(r.Subject, b.finished*parts, b.tasks*parts)
}
