// Package targets opens what users drive by requests, as the command line names it: adapter programs and HTTP services.
package targets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/httptarget"
	"github.com/sessbench/sessbench/scenarios"
)

// Spec names a target.
type Spec struct {
	program adapter.Spec
	mapping *httptarget.Mapping // of an HTTP service; nil: a program
}

// httpScheme begins the name of an HTTP service.
const httpScheme = "http:"

// Forms are the legal forms of a target on the command line.
const Forms = "exec:COMMAND, tcp:HOST:PORT, unix:PATH or http:FILE"

// Parse parses a target: an adapter program (see [adapter.Parse]), or http: and the mapping file of a service, which it reads. The service
// must be on this machine or on a host of allowRemote.
func Parse(text string, allowRemote []string) (Spec, error) {
	if path, ok := strings.CutPrefix(text, httpScheme); ok {
		switch {
		case strings.HasPrefix(path, "//"):
			return Spec{}, fmt.Errorf("target %q: want http:FILE, a mapping file with the address in base (see sessbench target init)", text)
		case path == "":
			return Spec{}, fmt.Errorf("target %q: no mapping file: want %s", text, Forms)
		}
		m, err := httptarget.Load(path, allowRemote)
		if err != nil {
			return Spec{}, fmt.Errorf("target %q: %w", text, err)
		}
		return Spec{mapping: m}, nil
	}
	program, err := adapter.Parse(text)
	if errors.Is(err, adapter.ErrKind) {
		err = fmt.Errorf("target %q: %w: want %s", text, adapter.ErrKind, Forms)
	}
	return Spec{program: program}, err
}

// String returns the target in the form that [Parse] reads.
func (s Spec) String() string {
	if s.mapping != nil {
		return httpScheme + s.mapping.Path
	}
	return s.program.String()
}

// Reliable reports whether no answer of the target is lost on its way.
func (s Spec) Reliable() bool { return s.mapping == nil && s.program.Network != "tcp" }

// Service reports whether the target is an HTTP service, which does its own work under its own locks.
func (s Spec) Service() bool { return s.mapping != nil }

// ReusesIDs reports whether a session can be created again under the id of one that was removed.
func (s Spec) ReusesIDs() bool { return s.mapping == nil || s.mapping.ReusesIDs() }

// Promises returns what the mapping of a service declares: the consistency level, "" for none, with the bound of eventual consistency,
// and whether a restart may lose all sessions.
func (s Spec) Promises() (level history.Level, bound time.Duration, volatile bool) {
	if s.mapping == nil {
		return "", 0, false
	}
	return s.mapping.Consistency, s.mapping.Bound, s.mapping.Volatile
}

// WhyAlone returns why only one process can drive the target, or "".
func (s Spec) WhyAlone() string {
	switch {
	case s.mapping != nil:
		return "the sessions of an HTTP service are known to the participant that created them alone"
	case s.program.Command != nil:
		return "each participant would start its own program"
	}
	return ""
}

// RemoteHosts returns the hosts beside this machine to which the requests of an HTTP service would go.
func (s Spec) RemoteHosts() []string {
	if s.mapping == nil {
		return nil
	}
	return s.mapping.RemoteHosts()
}

// Files returns the regular files that s names: programs and scripts of a command, and mapping files.
func (s Spec) Files() (list []string) {
	words := slices.Clone(s.program.Command)
	switch {
	case s.mapping != nil:
		words = []string{s.mapping.Path}
	case len(words) > 0:
		words[0], _ = exec.LookPath(words[0]) // starting it reports what is missing
	}
	for _, word := range words {
		if info, err := os.Stat(word); err == nil && info.Mode().IsRegular() {
			list = append(list, word)
		}
	}
	return list
}

// Options configures targets. The zero value is ready to use.
type Options struct {
	Timeout time.Duration // without an answer; 0: the default of the kind of target
}

// Target is an opened target. Its methods are safe for concurrent use.
type Target interface {
	scenarios.Target

	// Name returns what the target calls itself.
	Name() string

	// CheckOpenFiles returns an error if the target may not have so many users.
	CheckOpenFiles(users int) error
}

// Open starts or joins the target; ctx applies to that only. It performs each operation of an HTTP service once: where one never
// succeeds, the error wraps [scenarios.ErrUnsupported].
func (s Spec) Open(ctx context.Context, o Options) (Target, error) {
	if s.mapping == nil {
		p, err := adapter.Start(ctx, s.program, adapter.Options{Timeout: o.Timeout})
		if err != nil {
			return nil, err
		}
		return p, nil
	}
	t, err := httptarget.Start(ctx, s.mapping, httptarget.Options{Timeout: o.Timeout})
	if err != nil {
		return nil, err
	}
	if err := rehearse(ctx, t); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// rehearse performs each operation once, and again if that fails: a service that answers some requests with errors can be measured.
func rehearse(ctx context.Context, t *httptarget.Target) (err error) {
	const tries = 3
	for range tries {
		if _, err = t.Rehearse(ctx, nil); err == nil || errors.Is(err, scenarios.ErrUnavailable) || ctx.Err() != nil {
			break
		}
	}
	return err
}
