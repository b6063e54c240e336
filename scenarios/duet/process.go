package duet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

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

// sample runs one process to its end.
func (d *duet) sample(ctx context.Context, arm Arm, row Row) (*result.Document, error) {
	runtime.LockOSThread() // on Linux a child dies with the thread that started it
	defer runtime.UnlockOSThread()
	limit, cancel := context.WithTimeoutCause(ctx, cmp.Or(d.Patience, DefaultPatience), errors.New("it did not come to an end"))
	defer cancel()
	var out, said bytes.Buffer
	c := exec.CommandContext(limit, arm.Path, row.Args...)
	c.Args[0] = cmp.Or(d.Name, c.Args[0])
	c.Env = append(os.Environ(), arm.Env...)
	c.Stdout, c.Stderr = &out, &said
	c.SysProcAttr = apart()
	c.Cancel = func() error { return end(c.Process) }
	c.WaitDelay = time.Second // for whoever left its group with its stdout
	err := c.Run()
	if err == nil {
		var doc *result.Document
		if doc, err = result.Read(&out); err == nil && (len(doc.Results) != 1 || len(doc.Results[0].Trials) != 1) {
			err = errors.New("its document does not hold one trial")
		}
		if err == nil {
			return doc, nil
		}
	}
	if limit.Err() != nil {
		err = context.Cause(limit)
	}
	return nil, &Error{Arm: arm.Label, Row: row.Label, Code: c.ProcessState.ExitCode(), Said: complaint(said.String()), Cause: err}
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
