package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/google/pprof/profile"

	"github.com/sessbench/sessbench/internal/explain"
	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

const (
	profileWindow = 2 * time.Second // of the pass, unless the users' visits end it: 200 samples of each processor
	blockRate     = 10_000          // nanoseconds of blocking for each sample
)

// profiles performs the pass that profiles each row, after the one that explains it.
func (r *run) profiles(ctx context.Context, base setup, entrants []*entrant) error {
	for _, e := range entrants {
		t, err := r.pass(ctx, base, ProfileTask, e, "profiles")
		if err != nil {
			return err
		}
		if x := e.result.Explanation; x != nil && t.Explanation != nil {
			x.Profiles = append(x.Profiles, t.Explanation.Profiles...)
			x.Functions = t.Explanation.Functions
		}
	}
	return nil
}

// profileTrial performs the pass for a store, and writes its profiles.
func (r *run) profileTrial(ctx context.Context, of Subject, base setup) (result.Trial, error) {
	if base.timed() {
		base.window = profileWindow
	}
	base = base.unrecorded()
	base.labelled = true
	p, err := startProfiles()
	if err != nil {
		return result.Trial{}, err
	}
	t, err := runTrial(ctx, of, base)
	if stopErr := p.stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return t, err
	}
	t.Explanation = &result.Explanation{Functions: map[string][]result.Function{}}
	for _, kind := range profileKinds {
		path := r.profilePath(base.scenario.Name, of.Label, kind+".pprof")
		if err := outfile.Write(path, func(w io.Writer) error { return p.found[kind].Write(w) }); err != nil {
			return t, err
		}
		t.Explanation.Profiles = append(t.Explanation.Profiles, result.Profile{Kind: kind, File: path})
		if list := explain.Functions(p.found[kind]); len(list) > 0 && (kind == "cpu" || kind == "mutex") {
			t.Explanation.Functions[kind] = list
		}
	}
	return t, nil
}

// profilePath returns the file of a profile. The directories are made.
func (r *run) profilePath(scenario, label, name string) string {
	dir := filepath.Join(r.Profile, outfile.Name(scenario), outfile.Name(label))
	_ = os.MkdirAll(dir, 0o777) // writing the file fails if this does
	return filepath.Join(dir, name)
}

var profileKinds = []string{"cpu", "mutex", "block", "heap"}

// profiling is profiles in progress. The runtime sums those of mutexes, blocking and memory up from the start of the process, so that the
// difference counts.
type profiling struct {
	cpu    bytes.Buffer
	before map[string]*profile.Profile
	found  map[string]*profile.Profile
	mutex  int // fraction before
}

func startProfiles() (*profiling, error) {
	p := &profiling{before: map[string]*profile.Profile{}, found: map[string]*profile.Profile{}}
	for _, kind := range profileKinds[1:] {
		of, err := snapshotProfile(kind)
		if err != nil {
			return nil, err
		}
		p.before[kind] = of
	}
	if err := pprof.StartCPUProfile(&p.cpu); err != nil {
		return nil, err
	}
	p.mutex = runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(blockRate)
	return p, nil
}

// stop ends the profiles.
func (p *profiling) stop() error {
	runtime.SetBlockProfileRate(0)
	runtime.SetMutexProfileFraction(p.mutex)
	pprof.StopCPUProfile()
	cpu, err := profile.Parse(&p.cpu)
	if err != nil {
		return fmt.Errorf("cpu profile: %w", err)
	}
	p.found["cpu"] = cpu
	for _, kind := range profileKinds[1:] {
		after, err := snapshotProfile(kind)
		if err != nil {
			return err
		}
		p.before[kind].Scale(-1)
		if p.found[kind], err = profile.Merge([]*profile.Profile{p.before[kind], after}); err != nil {
			return fmt.Errorf("%s profile: %w", kind, err)
		}
		if kind == "heap" {
			p.found[kind].DefaultSampleType = "alloc_space" // of the pass; what is in use differs by what was in use before
		}
	}
	return nil
}

func snapshotProfile(kind string) (*profile.Profile, error) {
	var b bytes.Buffer
	of := pprof.Lookup(kind)
	if of == nil {
		return nil, errors.New("no profile " + kind)
	}
	if kind == "heap" {
		runtime.GC() // its figures are those of the last collection
	}
	if err := of.WriteTo(&b, 0); err != nil {
		return nil, err
	}
	return profile.Parse(&b)
}

// labelled returns a driver that labels the user's goroutine with the strategy and the operation, for profiles. One that is not to be labelled is
// returned as it is.
func (tr *trial) labelled(u *user, of scenarios.Conn) scenarios.Conn {
	if !tr.setup.labelled || !u.works() {
		return of
	}
	c := &labelledConn{Conn: of, none: pprof.WithLabels(context.Background(), pprof.Labels("strategy", tr.subject.Label))}
	for op := range scenarios.NumOps {
		c.of[op] = pprof.WithLabels(c.none, pprof.Labels("operation", op.String()))
	}
	return c
}

type labelledConn struct {
	scenarios.Conn
	none context.Context
	of   [scenarios.NumOps]context.Context
}

// Do implements [scenarios.Conn].
func (c *labelledConn) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) error {
	pprof.SetGoroutineLabels(c.of[q.Op])
	err := c.Conn.Do(ctx, q, e)
	pprof.SetGoroutineLabels(c.none)
	return err
}
