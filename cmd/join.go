package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/spf13/pflag"

	"github.com/sessbench/sessbench/internal/distributed"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies/redis"
)

// joinOptions says with whom a run is shared, and holds this process's place in it.
type joinOptions struct {
	Join    string // where to meet: a URL that may hold a password
	RunID   string
	Of      int
	Silence time.Duration
	Part    string // file for what this process alone measured

	shared map[string]string // the settings that have to be the same for all
	client *goredis.Client
	party  *distributed.Party // nil: the run is this process's alone

	finished bool // what this process measured is in the result
}

func (o *joinOptions) addFlags(fs flagGroup) {
	fs.StringVar(&o.Join, "join", "",
		"share the run with other processes, which meet at this Redis: `URL`; better as SESSBENCH_JOIN where it holds a password")
	fs.StringVar(&o.RunID, "run-id", "", "`NAME` of the shared run, a new one each time")
	fs.Var(count("", 1, distributed.MaxOf, &o.Of), "of", "`N` processes share it")
	o.Silence = distributed.DefaultSilence
	fs.Var(duration(o.Silence.String(), time.Second, time.Hour, func(d time.Duration) { o.Silence = d }), "join-timeout",
		"`TIME` after which a process that says nothing is lost")
	fs.StringVar(&o.Part, "save-part", "", "also write what this process alone measured, for report merge, to `FILE`")
}

// ownSettings are the flags that may differ between the processes that share a run.
var ownSettings = []string{
	"join", "run-id", "of", "join-timeout", "config", "quiet", "no-color", "format", "out", "save-baseline", "save-part", "trace",
	"redis-url", "redis-user", "redis-password", "redis-ca", "redis-timeout", "target-timeout", "help",
}

// keepShared keeps the settings of a run that have to be the same for all who share it.
func (o *joinOptions) keepShared(fs *pflag.FlagSet) {
	tool := thisTool()
	o.shared = map[string]string{"sessbench": strings.TrimSpace(tool.Version + " " + tool.Commit)}
	fs.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(ownSettings, f.Name) {
			o.shared["--"+f.Name] = f.Value.String()
		}
	})
}

// checkJoin refuses what cannot be shared. A run is shared by those whose sessions lie beyond all of them.
func (o *runOptions) checkJoin(list []scenarios.Scenario) error {
	given := map[string]bool{"join": o.Join != "", "run-id": o.RunID != "", "of": o.Of > 0}
	if o.Part != "" && !given["join"] {
		return usagef("%s: without --join the whole result is this process's: want --out json=FILE", o.from("save-part"))
	}
	if !given["join"] && !given["run-id"] && !given["of"] {
		return nil
	}
	for _, flag := range slices.Sorted(maps.Keys(given)) {
		if !given[flag] {
			return usagef("--%s is missing: want --join URL, --run-id NAME and --of N together", flag)
		}
	}
	if err := distributed.CheckRunID(o.RunID); err != nil {
		return usagef("%s %s: %w", o.from("run-id"), quoted(o.RunID), err)
	}
	if o.Record > 0 {
		return usagef("%s: not with %s: a history is recorded in one process", o.from("record"), o.from("join"))
	}
	for i := range list {
		switch s := &list[i]; {
		case s.Sweeps():
			return usagef("%s %s: not with %s: what is idle one clock has to say", o.from("scenario"), s.Name, o.from("join"))
		case s.Users < o.Of:
			return usagef("%s %d, of %s: want as many as participants, or more, which are %s %d",
				o.from("users"), s.Users, s.Name, o.from("of"), o.Of)
		}
	}
	if err := o.checkBeyond(); err != nil {
		return err
	}
	client, err := distributed.Connect(o.Join)
	if err != nil {
		return usagef("%s: %w", o.from("join"), err)
	}
	o.client = client
	o.redis.Guest = true // until it is known whose the sessions are
	return nil
}

// checkBeyond makes sure that all sessions lie where every participant can reach them. The baseline, which nobody has asked for,
// is left out.
func (o *runOptions) checkBeyond() error {
	if o.sources["baseline-strategy"].rank == rankDefault {
		o.Baseline = "none"
	}
	if err := o.targetOptions.parse(o.from("target")); err != nil {
		return err
	}
	for _, spec := range o.specs {
		if spec.Command != nil {
			return usagef("%s %s: a program of its own for each participant: want tcp:HOST:PORT with %s", o.from("target"), quoted(spec.String()), o.from("join"))
		}
	}
	common, err := o.commonParams()
	if err != nil {
		return err
	}
	list, err := o.chosenBesideTargets(common)
	if err != nil {
		return err
	}
	if list, err = o.withBaseline(list, common); err != nil {
		return err
	}
	for _, s := range list {
		switch {
		case s.TargetName == "" && !s.Strategy.Remote:
			return usagef("%s %s: keeps its sessions in one process: want redis, or --target tcp:HOST:PORT, with %s", o.from("strategy"), s.Label, o.from("join"))
		case s.Strategy == o.inRedis && o.redis.URL == "":
			return usagef("%s %s: every participant would have a server of its own: want --redis-url with %s", o.from("strategy"), s.Label, o.from("join"))
		}
	}
	return nil
}

// joinOthers waits until all participants are there, and opens what to drive anew, with the sessions where the others' are.
// alone is what was opened to see that it can be: whatever this participant can find out by itself it finds out before it has
// a place, and costs nobody else the run.
func (o *runOptions) joinOthers(ctx context.Context, cfg *runner.Config, alone opened) (all opened, err error) {
	if err := errors.Join(o.reachRedis(ctx, cfg.Subjects), alone.close()); err != nil {
		return nil, err
	}
	if err := o.takePlace(ctx); err != nil {
		return nil, err
	}
	cfg.Party = o.party
	return o.openSubjects(ctx, cfg)
}

// reachRedis makes sure that the server answers whose stores are opened for each trial.
func (o *runOptions) reachRedis(ctx context.Context, list []runner.Subject) error {
	i := slices.IndexFunc(list, func(s runner.Subject) bool { return s.Strategy == o.inRedis && s.Target == nil })
	if i < 0 {
		return nil
	}
	few := o.redis
	few.Users = 0 // who need no connections yet
	server, err := redis.Connect(ctx, few)
	if err != nil {
		return fmt.Errorf("%s: %w", list[i].Label, err) // as a trial would say it
	}
	return server.Close()
}

// takePlace waits until all participants are there, and learns where they keep their sessions.
func (o *runOptions) takePlace(ctx context.Context) error {
	host, _ := os.Hostname()
	o.note("run %s: waiting until %s are there", o.RunID, result.FormatCounted(o.Of, "participant"))
	party, err := distributed.Join(ctx, distributed.Options{
		Client: o.client, RunID: o.RunID, Of: o.Of, Host: host, Settings: o.shared, Silence: o.Silence,
	})
	var different *distributed.DifferentError
	switch {
	case errors.As(err, &different):
		return &exitError{exitIncomparable, err}
	case errors.Is(err, distributed.ErrTaken):
		return usagef("%s: %w", o.from("run-id"), err)
	case err != nil:
		return err
	}
	o.note("this is %v", party)
	o.party = party
	return o.sharePrefix(ctx)
}

// sharePrefix has the strategy redis keep its sessions where the others' does: the first participant says where.
func (o *runOptions) sharePrefix(ctx context.Context) error {
	const name = "prefix"
	if o.party.Index() == 0 {
		o.redis.Prefix = redis.NewPrefix()
		if err := o.party.Give(ctx, name, []byte(o.redis.Prefix)); err != nil {
			return err
		}
	}
	found, err := o.party.Take(ctx, name, 0)
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return o.lostError()
	}
	o.redis.Prefix, o.redis.Guest = string(found[0]), o.party.Index() > 0
	o.inRedis = nil // it is made anew, for the sessions of all
	return nil
}

// leave says why this process is not waited for any more, if it has not finished.
func (o *runOptions) leave(ctx context.Context, err error) error {
	if o.client == nil {
		return nil
	}
	why := "it has stopped before it had finished"
	switch {
	case o.finished:
		why = "it has finished"
	case ctx.Err() != nil:
		why = "interrupted"
	case err != nil:
		why = err.Error()
	}
	var failed error
	if o.party != nil {
		failed = o.party.Leave(why)
	}
	if err != nil || ctx.Err() != nil {
		failed = nil // the others find out by themselves
	}
	return errors.Join(failed, o.client.Close())
}

// handIn hands this participant's document in, if it has one: ran is how its run ended. Who finishes last gets that of the whole
// run, for the others it is nil. Where it cannot be handed in it is what there is to write.
func (o *runOptions) handIn(ctx context.Context, doc *result.Document, ran error) (*result.Document, error) {
	p := o.party
	var text bytes.Buffer
	if doc != nil {
		host, _ := os.Hostname()
		doc.Part = &result.Part{RunID: o.RunID, Index: p.Index(), Of: p.Of(), Host: host, SkewNs: int64(p.Skew())}
		if err := o.savePart(&text, doc); err != nil {
			return doc, err
		}
	}
	if lost := (*runner.LostError)(nil); ctx.Err() != nil || doc == nil && !errors.As(ran, &lost) {
		return doc, ran
	}
	parts, err := p.Finish(ctx, text.Bytes())
	o.finished = err == nil
	switch {
	case err != nil:
		return doc, err
	case parts == nil && doc != nil:
		o.note("%v: measured; the last one to finish has written the result", p)
		fallthrough
	case parts == nil:
		return nil, o.lostError()
	}
	whole, err := o.merge(parts)
	if err != nil {
		return doc, err
	}
	if err := o.tidy(ctx); err != nil || whole != nil {
		return whole, err
	}
	return nil, errors.Join(o.lostError(), p.Over(ctx))
}

// savePart writes this participant's document to text, and to its file.
func (o *runOptions) savePart(text *bytes.Buffer, doc *result.Document) error {
	if err := result.EncodeJSON(text, doc); err != nil || o.Part == "" {
		return err
	}
	return o.writeFile(o.Part, func(w io.Writer) error {
		_, err := w.Write(text.Bytes())
		return err
	})
}

// merge makes one document of everybody's, nil if nobody has one.
func (o *runOptions) merge(parts map[int][]byte) (*result.Document, error) {
	var sources []judge.Source
	for _, i := range slices.Sorted(maps.Keys(parts)) {
		if len(parts[i]) == 0 {
			continue
		}
		name := fmt.Sprintf("participant %d", i+1)
		d, err := result.Read(bytes.NewReader(parts[i]))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		sources = append(sources, judge.Source{Label: name, File: name, Document: d})
	}
	if sources == nil {
		return nil, nil
	}
	whole, err := judge.Merge(sources)
	if err != nil {
		return nil, &exitError{exitIncomparable, err}
	}
	for _, l := range o.party.Losses() {
		for i := range whole.Participants {
			if p := &whole.Participants[i]; p.Lost && p.Index == l.Index {
				p.Host, p.Why = l.Host, l.Why
			}
		}
	}
	return whole, nil
}

// written has the others go when the document of the whole is written, or has another one write it.
func (o *runOptions) written(ctx context.Context, doc *result.Document, failed error) error {
	if doc.Part != nil || failed != nil {
		return nil
	}
	return o.party.Over(ctx)
}

// tidy removes the sessions that a first participant leaves behind that is lost: nobody else does.
func (o *runOptions) tidy(ctx context.Context) error {
	if o.redis.URL == "" || !slices.ContainsFunc(o.party.Losses(), func(l distributed.Loss) bool { return l.Index == 0 }) {
		return nil
	}
	all := o.redis
	all.Guest = false
	server, err := redis.Connect(ctx, all)
	if err != nil {
		return err
	}
	return server.Close()
}

// lostError names those who were lost, nil for nobody.
func (o *runOptions) lostError() error {
	if lost := o.party.Lost(); len(lost) > 0 {
		return &runner.LostError{Who: lost}
	}
	return nil
}
