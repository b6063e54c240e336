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
	"sync"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/reports/result"
)

// Error reports a process that gave no sample.
type Error struct {
	Arm, Row string
	Code     int    // its exit code; -1: it was killed, or never started
	Crashed  bool   // its stderr has a crash report of the Go runtime, which also exits with code 2
	Message  string // the error message that it wrote to stderr, one line; may be empty
	Cause    error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s: %v", e.Arm, e.Row, e.Cause)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

func (e *Error) Unwrap() error { return e.Cause }

// process is a running process of an arm.
type process struct {
	*child.Process
	arm, row string
	state    byte          // the last byte it sent, when it runs in time slices
	out      *bufio.Reader // its stdout
	release  func()        // to be called when out has been read; the process does not exit before
	limit    context.Context
	cancel   context.CancelFunc
}

// start starts an arm's process, unless ctx has ended: a short process could be over before it is killed. The caller calls end.
func (d *duet) start(ctx context.Context, arm Arm, row Row) (*process, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	read := make(chan struct{})
	p := &process{arm: arm.Label, row: row.Label, release: sync.OnceFunc(func() { close(read) })}
	limit := cmp.Or(d.Patience, DefaultPatience)
	p.limit, p.cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("did not end within %v", limit))
	cmd := exec.Command(arm.Path, row.Args...)
	cmd.Args[0] = cmp.Or(d.Name, cmd.Args[0])
	cmd.Env = append(os.Environ(), arm.Env...)
	stdout := make(chan *bufio.Reader)
	var err error
	p.Process, err = child.Start(cmd, child.Options{Output: func(r io.Reader) {
		stdout <- bufio.NewReader(r)
		<-read
	}})
	if err != nil {
		defer p.cancel()
		return nil, p.failed(err)
	}
	p.out = <-stdout
	context.AfterFunc(p.limit, p.Kill)
	return p, nil
}

// document reads the rest of what the process prints, and waits for its end.
func (p *process) document() (*result.Document, error) {
	p.Input.Close()
	text, err := io.ReadAll(p.out)
	if died := p.wait(); died != nil {
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

// wait waits until the process has ended, and returns how. What it still prints is discarded.
func (p *process) wait() error {
	p.release()
	<-p.Exited()
	return p.Err()
}

// end kills the process if it has not ended.
func (p *process) end() {
	p.cancel()
	_ = p.wait()
}

// failed describes why a process that has ended, or never started, gave no sample.
func (p *process) failed(err error) error {
	if p.limit.Err() != nil {
		err = context.Cause(p.limit)
	}
	e := &Error{Arm: p.arm, Row: p.row, Code: -1, Cause: err}
	if p.Process != nil {
		e.Code, e.Crashed, e.Message = p.State().ExitCode(), child.CrashLine(p.Stderr()) >= 0, errorMessage(p.Stderr())
	}
	return e
}

// errorMessage is the most informative line of a program's stderr: the last one with a prefix of sessbench's or of the Go
// runtime's, otherwise the last one. It is cut to a length that fits into an error.
func errorMessage(stderr string) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	best := lines[len(lines)-1]
	if at := child.LastLine(stderr, "sessbench: ", "panic: ", "fatal error: "); at >= 0 {
		best, _, _ = strings.Cut(stderr[at:], "\n")
	}
	const longest = 500
	return best[:min(len(best), longest)]
}
