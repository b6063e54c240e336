// Package targets opens what users drive by requests, as the command line names it: adapter programs and HTTP services.
package targets

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/httptarget"
	"github.com/sessbench/sessbench/scenarios"
)

// Spec names a target.
type Spec struct {
	program adapter.Spec
	mapping string // file of an HTTP service; empty: a program
}

// httpScheme begins the name of an HTTP service.
const httpScheme = "http:"

// Forms are the legal forms of a target on the command line.
const Forms = "exec:COMMAND, tcp:HOST:PORT, unix:PATH or http:FILE"

// Parse parses a target: an adapter program (see [adapter.Parse]), or http: and the mapping file of a service. The file is not read.
func Parse(text string) (Spec, error) {
	if path, ok := strings.CutPrefix(text, httpScheme); ok {
		switch {
		case strings.HasPrefix(path, "//"):
			return Spec{}, fmt.Errorf("target %q: want http:FILE, a mapping file with the address in base (see sessbench target init)", text)
		case path == "":
			return Spec{}, fmt.Errorf("target %q: no mapping file: want %s", text, Forms)
		}
		return Spec{mapping: path}, nil
	}
	program, err := adapter.Parse(text)
	return Spec{program: program}, err
}

// String returns the target in the form that [Parse] reads.
func (s Spec) String() string {
	if s.mapping != "" {
		return httpScheme + s.mapping
	}
	return s.program.String()
}

// Reliable reports whether no answer of the target is lost on its way.
func (s Spec) Reliable() bool { return s.mapping == "" && s.program.Network != "tcp" }

// Service reports whether the target is an HTTP service, which does its own work under its own locks.
func (s Spec) Service() bool { return s.mapping != "" }

// WhyAlone returns why only one process can drive the target, or "".
func (s Spec) WhyAlone() string {
	switch {
	case s.mapping != "":
		return "the sessions of an HTTP service are known to the participant that created them alone"
	case s.program.Command != nil:
		return "each participant would start its own program"
	}
	return ""
}

// Files returns the regular files that s names: programs and scripts of a command, and mapping files.
func (s Spec) Files() (list []string) {
	words := []string{s.mapping}
	if s.mapping == "" {
		words = append([]string(nil), s.program.Command...)
		if len(words) > 0 {
			words[0], _ = exec.LookPath(words[0]) // starting it reports what is missing
		}
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
	Timeout     time.Duration // without an answer; 0: the default of the kind of target
	AllowRemote []string      // hosts that an HTTP service may have beside loopback
}

// Target is an opened target. Its methods are safe for concurrent use.
type Target interface {
	scenarios.Target

	// Name returns what the target calls itself.
	Name() string

	// CheckOpenFiles returns an error if the target may not have so many users.
	CheckOpenFiles(users int) error
}

// Open starts or joins the target. ctx applies to that only.
func (s Spec) Open(ctx context.Context, o Options) (Target, error) {
	if s.mapping == "" {
		p, err := adapter.Start(ctx, s.program, adapter.Options{Timeout: o.Timeout})
		if err != nil {
			return nil, err
		}
		return p, nil
	}
	m, err := httptarget.Load(s.mapping)
	if err != nil {
		return nil, err
	}
	t, err := httptarget.Start(ctx, m, httptarget.Options{Timeout: o.Timeout, AllowRemote: o.AllowRemote})
	if err != nil {
		return nil, err
	}
	return t, nil
}
