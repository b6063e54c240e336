// Probe verifies strategies as `sessbench verify` does, each in a process of its own, until one is violated, and prints the reports as
// JSON, one in a line. It is linked with less than sessbench, so that a mutant is built in little time.
//
//	probe '{"Strategies": ["actor:per=session"], "Config": {"Rounds": 150, "Budget": 20000000000}}'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// order is what the probe is asked to do.
type order struct {
	Strategies []string // each with at most one parameter
	Config     verify.Config
}

func main() {
	ctx := context.Background()
	var err error
	if os.Getenv(verify.ChildVariable) != "" {
		err = verify.ServeChild(ctx, open)
	} else {
		err = run(ctx, os.Args[1])
	}
	if err != nil {
		panic(err)
	}
}

func run(ctx context.Context, text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	for _, name := range o.Strategies {
		source, err := json.Marshal(name)
		if err != nil {
			return err
		}
		r, err := verify.RunChild(ctx, verify.Task{
			Label: name, Source: source, MaxMemory: 3 << 30, Margin: time.Minute, Config: o.Config,
		}, verify.Callbacks{Step: func(verify.Step) {}, Slow: func(time.Duration) {}})
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil || r.Violation != nil {
			return err
		}
	}
	return nil
}

// open is a [verify.Opener].
func open(_ context.Context, t *verify.Task) error {
	name, param, _ := strings.Cut(t.Label, ":")
	s, known := strategies.Lookup(name)
	if !known {
		return fmt.Errorf("no strategy %q", name)
	}
	given := map[string]string{}
	if key, value, some := strings.Cut(param, "="); some {
		given[key] = value
	}
	p, err := s.Resolve(given)
	if err != nil {
		return err
	}
	t.Config.Subject = verify.Subject{
		Label: t.Label, Guarantees: s.Guarantees,
		Open: func(*verify.SyncPoints) (manager.SessionStore[manager.Session], error) { return s.Open(p) },
	}
	return nil
}
