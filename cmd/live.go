package cmd

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessbench/sessbench/internal/live"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
)

const (
	liveEvery   = 10 * time.Second // between lines of a log about running trials
	liveColumns = 60               // of a terminal; on a narrower one there is the bar alone
	liveSeconds = 20               // in a sparkline
)

// liveLine is what is shown of a strategy in the scenario that is measured.
type liveLine struct {
	label  string
	last   runner.Snapshot
	recent live.Recent
}

// live shows a snapshot: on a terminal a line for each strategy, in a log at most one in ten seconds.
func (p *progress) live(s runner.Snapshot) {
	if p.log && !s.Final {
		if now := p.now(); now.Sub(p.lastLive) >= liveEvery {
			p.lastLive = now
			p.line("%s (%s): %ds: %s", s.Label, s.Scenario, s.Second, describeLive(s))
		}
	}
	if !p.screen {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Scenario != p.scenario {
		p.hide()
		p.scenario, p.lines = s.Scenario, nil
	}
	p.current = -1
	for i, l := range p.lines {
		if l.label == s.Label {
			p.current = i
		}
	}
	if p.current < 0 {
		p.current = len(p.lines)
		p.lines = append(p.lines, &liveLine{label: s.Label})
	}
	line := p.lines[p.current]
	line.last = s
	line.recent.Add(s, liveSeconds)
	p.redraw()
}

// describeLive describes the figures of a snapshot: 1.98k of 2.00k/s, p99 4.20 ms, queue 12, 3 errors.
func describeLive(s runner.Snapshot) string {
	if s.Failed {
		return "✗"
	}
	text := result.FormatRate(s.OpsPerSec) + " ops/s"
	if s.Offered > 0 {
		text = fmt.Sprintf("%s of %s/s", result.FormatRate(s.OpsPerSec), result.FormatRate(s.Offered))
		if s.Final { // what the users of a second did is known only after it
			text += " (" + result.FormatShare(s.OpsPerSec/s.Offered) + ")"
		}
	}
	if s.P99 != nil {
		text += ", p99 " + result.FormatNs(*s.P99)
	}
	if s.Queue > 0 {
		text += ", queue " + result.FormatCount(s.Queue)
	}
	if s.Errors > 0 {
		text += ", " + result.FormatCounted(int(s.Errors), "error")
	}
	return text
}

// text is the line, with labels of a width.
func (l *liveLine) text(width int) string {
	return fmt.Sprintf("%-*s  %-*s  %s", width, l.label, liveSeconds, sparkline(l.recent.Speeds), describeLive(l.last))
}

// sparkline draws values from 0 to the largest of them.
func sparkline(values []float64) string {
	blocks, most := []rune("▁▂▃▄▅▆▇█"), 0.
	for _, x := range values {
		most = max(most, x)
	}
	var b strings.Builder
	for _, x := range values {
		i := 0
		if most > 0 {
			i = min(int(x/most*float64(len(blocks))), len(blocks)-1)
		}
		b.WriteRune(blocks[max(0, i)])
	}
	return b.String()
}

// cut cuts a line that is longer than a terminal has columns, so that it is not wrapped.
func cut(line string, columns int) string {
	if columns <= 0 || utf8.RuneCountInString(line) <= columns {
		return line
	}
	return string([]rune(line)[:columns-1]) + "…"
}

// redraw draws the lines above the bar, where there is room for them. The caller holds mu.
func (p *progress) redraw() {
	columns, rows := p.terminal()
	p.hide()
	if columns >= liveColumns && rows > 3 {
		first := max(0, min(p.current+1, len(p.lines))-(rows-2)) // so that the current one is shown
		shown := p.lines[first:min(len(p.lines), first+rows-2)]
		width := 0
		for _, l := range shown {
			width = max(width, utf8.RuneCountInString(l.label))
		}
		var b strings.Builder
		for _, l := range shown {
			b.WriteString(cut(l.text(width), columns-1) + "\n")
		}
		_, _ = io.WriteString(p.w, b.String()) // a terminal that is gone does not end a run
		p.shown = len(shown)
	}
	if p.bar != nil {
		_ = p.bar.RenderBlank()
	}
}

// terminal is the size of the terminal, 0 if it is not known.
func (p *progress) terminal() (columns, rows int) {
	if p.size == nil {
		return 0, 0
	}
	return p.size()
}

// hide removes the lines and the bar from the terminal. The caller holds mu.
func (p *progress) hide() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	if p.shown > 0 {
		_, _ = io.WriteString(p.w, "\r"+strings.Repeat("\x1b[A\x1b[2K", p.shown))
		p.shown = 0
	}
}

// aside returns a writer for what others write to the progress's stream: the progress makes room for it, and is drawn again below it.
func (p *progress) aside() io.Writer {
	if !p.screen {
		return p.w
	}
	return aside{p}
}

type aside struct{ p *progress }

func (a aside) Write(text []byte) (int, error) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.p.hide()
	return a.p.w.Write(text)
}
