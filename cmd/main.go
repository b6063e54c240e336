// Package cmd is sessbench's command line, one command per file.
//
// A build with additional stores is a main package of three lines:
//
//	func main() {
//		os.Exit(cmd.Main(cmd.WithStore(myStrategy)))
//	}
package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/term"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/measure"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

// Main runs the command line and returns the exit code. On SIGINT, SIGTERM or SIGHUP a run ends early and reports what
// was measured so far, and every other command ends at once; a second signal ends the process.
//
// Commands that measure or verify start the program again as a child process, with the same arguments. In the child, the
// first call of Main serves the parent and ends the process; it does not return. Code before that call runs in the child,
// too. Main must be called with the same stores in both processes.
func Main(opts ...Option) int {
	ctx, stop := signal.NotifyContext(context.Background(), endingSignals()...)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // from then on signals have their default effect
	a := newApp(opts)
	if verifies() || measure.IsChild() {
		os.Exit(a.main(ctx))
	}
	return a.main(ctx)
}

// Option changes what [Main] works with.
type Option func(*app)

// WithStore adds a store to the strategies. "all" includes it unless it is a probe of the harness. With a name that is
// taken, or that --strategy could not contain, Main returns exit code 2.
func WithStore(s strategies.Strategy) Option {
	return func(a *app) { a.stores = append(a.stores, &s) }
}

// WithArgs replaces the process's arguments, without the program's name.
func WithArgs(args ...string) Option { return func(a *app) { a.args = args } }

// WithIO replaces the process's streams. Results go to out; progress, notes and errors to err. A run then measures in this
// process, not in a child: a program that replaces the streams, such as a test, may not be one that can be started again.
func WithIO(in io.Reader, out, err io.Writer) Option {
	return func(a *app) { a.in, a.out, a.err = in, out, err }
}

// app is the state that all commands share.
type app struct {
	in       io.Reader
	out, err io.Writer
	args     []string
	stores   []*strategies.Strategy // those of WithStore

	*interruption

	redis   redis.Options        // the server of the strategy redis
	inRedis *strategies.Strategy // that strategy, once it has been used
}

func newApp(opts []Option) *app {
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, args: os.Args[1:], interruption: &interruption{}}
	for _, apply := range opts {
		apply(a)
	}
	return a
}

func (a *app) main(ctx context.Context) int {
	err := a.checkStores()
	switch {
	case err != nil:
	case verifies():
		err = unanswered(verify.ServeChild(ctx, a.openSubject))
	case measure.IsChild():
		err = unanswered(a.serveMeasure(ctx))
	default:
		err = newRootCmd(a).ExecuteContext(ctx)
	}
	code := codeOf(err)
	if a.settled {
		return code
	}
	if ctx.Err() != nil && (code == exitFailed || a.stuck.Load()) {
		code, err = exitInterrupted, fmt.Errorf("interrupted: %w", err)
	}
	if err != nil {
		a.complain("%v", openfiles.Explain(err, openfiles.Usual))
	}
	return code
}

// serveMeasure is the main function of a child that measures.
func (a *app) serveMeasure(ctx context.Context) error {
	return measure.ServeChild(ctx, func(name string, server redis.Options) (*strategies.Strategy, bool) {
		a.redis = server
		return a.strategy(name)
	})
}

// unanswered is an error for which a child process has no answer. Its parent knows it by the exit code.
func unanswered(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{child.ExitNoAnswer, err}
}

// ownStreams reports whether this process is the command line and nothing else. Callers with streams of their own, such as
// tests, may be programs that cannot be started again.
func (a *app) ownStreams() bool {
	return a.in == io.Reader(os.Stdin) && a.out == io.Writer(os.Stdout) && a.err == io.Writer(os.Stderr)
}

// complain writes a message to stderr as one line; the lines of a longer one are joined by bars.
func (a *app) complain(format string, args ...any) {
	var text strings.Builder
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		words := strings.Join(strings.Fields(line), " ")
		switch before := text.String(); {
		case before == "" || words == "":
		case strings.HasSuffix(before, ":"):
			text.WriteString(" ")
		default:
			text.WriteString(" | ")
		}
		text.WriteString(words)
	}
	fmt.Fprintf(a.err, "sessbench: %s\n", text.String())
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width is the number of columns of a terminal, 0 for other streams.
func width(stream any) int {
	columns, _ := terminalSize(stream)
	return columns
}

// terminalSize is the size of a terminal, 0 for other streams.
func terminalSize(stream any) (columns, rows int) {
	if f, ok := stream.(*os.File); ok {
		columns, rows, _ = term.GetSize(int(f.Fd()))
	}
	return columns, rows
}
