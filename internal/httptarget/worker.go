package httptarget

import (
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/scenarios"
)

// worker is one address of a service, and the process that serves it if it was started here.
type worker struct {
	base  *url.URL
	words []string // of the command; empty: it is not started here
	dir   string   // where it runs: that of the mapping file

	mu      sync.Mutex // protects the following
	process *child.Process
	group   child.Group
}

const (
	// stderrKept is the number of bytes that are kept of the beginning of stderr, and of its end.
	stderrKept = 4 << 10

	// endLimit is how long the process may take to end after SIGTERM before it is killed.
	endLimit = 5 * time.Second

	// endDelay is how long a process may outlive its connections without being taken for one that runs.
	endDelay = 50 * time.Millisecond

	// ownFiles is how many files a service needs open besides its connections.
	ownFiles = 64
)

// launch starts the process.
func (w *worker) launch() error {
	if len(w.words) == 0 {
		return nil
	}
	cmd := exec.Command(w.words[0], w.words[1:]...)
	cmd.Dir = w.dir
	p, err := child.Start(cmd, child.Options{Tail: stderrKept})
	if err != nil {
		return fmt.Errorf("start %s: %w", strings.Join(w.words, " "), err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.process = p
	return nil
}

// running returns the process, or nil.
func (w *worker) running() *child.Process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.process
}

// gone returns an error that says how the process ended; nil if it runs or was not started here.
func (w *worker) gone() error {
	p := w.running()
	if p == nil {
		return nil
	}
	select {
	case <-p.Ended():
		<-p.Exited() // all of stderr has been read
		return fmt.Errorf("%s ended: %v%s", w.words[0], p.State(), w.complaint())
	case <-time.After(endDelay):
		return nil
	}
}

// complaint is what the process has written to stderr, for the end of an error message.
func (w *worker) complaint() string {
	p := w.running()
	if p == nil {
		return ""
	}
	return child.Quote(p.Stderr())
}

// usage returns what the processes of the worker have used; those that it starts later count when they have ended.
func (w *worker) usage() (scenarios.TargetUsage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process == nil {
		return scenarios.TargetUsage{}, scenarios.ErrUnsupported
	}
	u, err := w.group.Usage()
	if errors.Is(err, errors.ErrUnsupported) {
		err = scenarios.ErrUnsupported
	}
	return scenarios.TargetUsage(u), err
}

// findProcesses finds the processes that the worker has started, which is too slow for the measured window.
func (w *worker) findProcesses() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process != nil {
		w.group.Find(w.process.Pid())
	}
}

// checkOpenFiles returns an error if the process may not have so many connections.
func (w *worker) checkOpenFiles(connections int) error {
	p := w.running()
	if p == nil {
		return nil
	}
	return openfiles.CheckProcess(p.Pid(), strings.Join(w.words, " "), connections+ownFiles)
}

// stop ends the process and its group: with SIGTERM, and by force if that takes too long.
func (w *worker) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process == nil {
		return
	}
	_ = w.process.Signal(syscall.SIGTERM) // fails when it has ended
	_ = w.process.Stop(endLimit)          // a service that ends slowly is not wrong
	w.group.Close()
	w.process = nil
}

// kill ends the process at once, as a crash does.
func (w *worker) kill() {
	if p := w.running(); p != nil {
		p.Kill()
	}
}
