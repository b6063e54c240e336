package duet

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/reports/result"
)

// Error is a process that gave no sample.
type Error struct {
	Arm, Row string
	Code     int    // its exit code; -1: a signal ended it, or it never ran
	Said     string // what it complained of on stderr, a line; empty for nothing
	Cause    error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s: %v", e.Arm, e.Row, e.Cause)
	if e.Said != "" {
		text += ": " + e.Said
	}
	return text
}

func (e *Error) Unwrap() error { return e.Cause }

// player is a running process of an arm. It dies with the thread that started it, on Linux.
type player struct {
	*exec.Cmd
	arm, row string
	state    byte // its last word, when it takes turns
	in       io.WriteCloser
	out      *bufio.Reader
	said     bytes.Buffer
	limit    context.Context
	cancel   context.CancelFunc
}

// start starts an arm's process. Whoever starts one calls end, on the same goroutine, which is locked to its thread.
func (d *duet) start(ctx context.Context, arm Arm, row Row) (*player, error) {
	p := &player{arm: arm.Label, row: row.Label}
	p.limit, p.cancel = context.WithTimeoutCause(ctx, cmp.Or(d.Patience, DefaultPatience), errors.New("it did not come to an end"))
	p.Cmd = exec.CommandContext(p.limit, arm.Path, row.Args...)
	p.Args[0] = cmp.Or(d.Name, p.Args[0])
	p.Env = append(os.Environ(), arm.Env...)
	p.Stderr = &p.said
	p.SysProcAttr = child.Apart()
	p.Cancel = func() error { return child.EndGroup(p.Process) }
	p.WaitDelay = time.Second // for whoever left its group with its stderr
	var out io.ReadCloser
	var err error
	if p.in, err = p.StdinPipe(); err == nil {
		out, err = p.StdoutPipe()
	}
	if err == nil {
		p.out = bufio.NewReader(out)
		context.AfterFunc(p.limit, func() { out.Close() }) // somebody who left its group may still hold the other end
		err = p.Start()
	}
	if err != nil {
		defer p.cancel()
		return nil, p.failed(err)
	}
	return p, nil
}

// document reads what the process prints until it ends.
func (p *player) document() (*result.Document, error) {
	p.in.Close()
	text, err := io.ReadAll(p.out)
	if died := p.Wait(); died != nil {
		return nil, p.failed(died)
	}
	var doc *result.Document
	if err == nil {
		doc, err = result.Read(bytes.NewReader(text))
	}
	if err == nil && (len(doc.Results) != 1 || len(doc.Results[0].Trials) != 1) {
		err = errors.New("its document does not hold one trial")
	}
	if err != nil {
		return nil, p.failed(err)
	}
	return doc, nil
}

// end ends the process if it has not ended.
func (p *player) end() {
	p.cancel()
	if p.ProcessState == nil {
		_ = p.Wait() // it was ended, which is no news
	}
}

func (p *player) failed(err error) error {
	if p.limit.Err() != nil {
		err = context.Cause(p.limit)
	}
	return &Error{Arm: p.arm, Row: p.row, Code: p.ProcessState.ExitCode(), Said: complaint(p.said.String()), Cause: err}
}

// complaint is the line of a program's stderr that says most: the last one that it, or Go's runtime, begins with a name, or
// else the last. It is cut to a length that fits into an error.
func complaint(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	best := lines[len(lines)-1]
	for _, line := range lines {
		for _, begin := range []string{"sessbench: ", "panic: ", "fatal error: "} {
			if strings.HasPrefix(line, begin) {
				best = line
			}
		}
	}
	const longest = 500
	return best[:min(len(best), longest)]
}
