package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/spf13/pflag"

	"github.com/sessbench/sessbench/internal/distributed"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies/redis"
)

// joinOptions are the options of a distributed run, and this process's membership of it.
type joinOptions struct {
	*command
	Join    string // URL of the coordination server, which may contain a password
	RunID   string
	Of      int
	Silence time.Duration
	Part    string // file for the document of this process

	shared      map[string]string // the settings that must be equal for all participants
	client      *goredis.Client
	participant *distributed.Participant // nil: the run is not distributed

	finished bool // the result contains the document of this process
}

func (o *joinOptions) flagGroup() flagGroup {
	fs := newFlagGroup("Several machines")
	fs.StringVar(&o.Join, "join", "",
		"`URL` of the Redis server that coordinates a distributed run; set SESSBENCH_JOIN instead if it contains a password")
	fs.StringVar(&o.RunID, "run-id", "", "`NAME` of the distributed run, unique for each run")
	fs.Var(into("", setting.Count(1, distributed.MaxOf), &o.Of), "of", "number `N` of processes in the run")
	o.Silence = distributed.DefaultSilence
	fs.Var(into(o.Silence.String(), setting.Duration(time.Second, time.Hour), &o.Silence), "join-timeout",
		"`TIME` without a heartbeat after which a process is lost")
	fs.StringVar(&o.Part, "save-part", "", "additional output of the measurements of this process, `FILE`, for report merge")
	fs.own()
	return fs
}

// keepShared stores the settings that must be equal for all participants.
func (o *joinOptions) keepShared(fs *pflag.FlagSet) {
	tool := thisTool()
	o.shared = map[string]string{"sessbench": strings.TrimSpace(tool.Version + " " + tool.Commit)}
	fs.VisitAll(func(f *pflag.Flag) {
		if _, own := f.Annotations[ownFlag]; !own && f.Name != "help" {
			o.shared["--"+f.Name] = f.Value.String()
		}
	})
}

// checkJoin rejects runs that cannot be distributed: all sessions must be outside the participants.
func (o *runOptions) checkJoin(list []scenarios.Scenario) error {
	together := []string{"join", "of", "run-id"}
	missing := slices.DeleteFunc(together, o.given)
	switch {
	case o.join.Part != "" && o.join.Join == "":
		return usagef("%s: the run is not distributed: want --out json=FILE, or --join", o.from("save-part"))
	case len(missing) == len(together):
		return nil
	case len(missing) > 0:
		return usagef("--%s is missing: want --join URL, --run-id NAME and --of N together", missing[0])
	}
	if err := distributed.CheckRunID(o.join.RunID); err != nil {
		return usagef("%s %s: %w", o.from("run-id"), quoted(o.join.RunID), err)
	}
	if o.work.Record > 0 {
		return usagef("%s: not with %s: a history is recorded in one process", o.from("record"), o.from("join"))
	}
	if o.live.Address != "" {
		return usagef("%s: not with %s: a participant knows the operations of its own users only", o.from(liveFlag), o.from("join"))
	}
	for i := range list {
		switch s := &list[i]; {
		case s.Sweeps():
			return usagef("%s %s: not with %s: the expiry of sessions needs a single clock", o.from("scenario"), s.Name, o.from("join"))
		case s.Concurrency(true) < o.join.Of:
			users := "users"
			switch {
			case s.Load.Open():
				users = "max-users"
			case s.Ramp.Some():
				users = "stage"
			}
			return usagef("%s %d, of %s: want at least the number of participants, %s %d",
				o.from(users), s.Concurrency(true), s.Name, o.from("of"), o.join.Of)
		}
	}
	if err := o.checkReachable(); err != nil {
		return err
	}
	client, err := distributed.Connect(o.join.Join)
	if err != nil {
		return usagef("%s: %w", o.from("join"), err)
	}
	o.join.client = client
	o.redis.Guest = true // until the index of this participant is known
	return nil
}

// checkReachable checks that every participant can reach all sessions. It leaves out the baseline where that is not set.
func (o *runOptions) checkReachable() error {
	if !o.given("baseline-strategy") {
		o.choice.Baseline = "none"
	}
	for _, spec := range o.targets.specs {
		if why := spec.WhyAlone(); why != "" {
			return usagef("%s %s: %s: want tcp:HOST:PORT with %s", o.from(targetFlag), quoted(spec.String()), why, o.from("join"))
		}
	}
	list, err := o.choice.beside(o.targets.Targets)
	if err != nil {
		return err
	}
	if list, err = o.choice.withBaseline(list); err != nil {
		return err
	}
	for _, s := range list {
		switch {
		case s.TargetName == "" && !s.Strategy.Remote:
			return usagef("%s %s: keeps sessions in one process: want redis, or --target tcp:HOST:PORT, with %s", o.from("strategy"), s.Label, o.from("join"))
		case s.Strategy == o.inRedis && o.redis.URL == "":
			return usagef("%s %s: each participant would start its own server: want --redis-url with %s", o.from("strategy"), s.Label, o.from("join"))
		}
	}
	return nil
}

// joinOthers waits until all participants have joined, and opens the subjects again, on the common sessions. What was opened
// before only finds errors of this participant before it joins, because a participant that fails later cancels the run.
func (o *runOptions) joinOthers(ctx context.Context, cfg *runner.Config) error {
	if o.join.client == nil {
		return nil
	}
	if err := errors.Join(o.reachRedis(ctx, cfg.Subjects), o.opener.Close()); err != nil {
		return err
	}
	if err := o.join.join(ctx); err != nil {
		return err
	}
	cfg.Participant = o.join.participant
	return o.openSubjects(ctx, cfg)
}

// reachRedis checks that the Redis server of the stores answers, which are opened for each trial.
func (o *runOptions) reachRedis(ctx context.Context, list []runner.Subject) error {
	i := slices.IndexFunc(list, func(s runner.Subject) bool { return s.Strategy == o.inRedis && s.Target == nil })
	if i < 0 {
		return nil
	}
	few := o.redis
	few.Users = 0 // users need no connections yet
	if err := connect(ctx, few); err != nil {
		return fmt.Errorf("%s: %w", list[i].Label, err) // as in a trial
	}
	return nil
}

// connect connects to a Redis server and closes the connection, which removes the sessions of this run unless it is a guest's.
func connect(ctx context.Context, o redis.Options) error {
	server, err := redis.Connect(ctx, o)
	if err != nil {
		return err
	}
	return server.Close()
}

// join waits until all participants have joined, and for the prefix of their keys in Redis.
func (o *joinOptions) join(ctx context.Context) error {
	host, _ := os.Hostname()
	o.note("run %s: waiting for %s", o.RunID, result.FormatCounted(o.Of, "participant"))
	p, err := distributed.Join(ctx, distributed.Options{
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
	o.note("this is %v", p)
	o.participant = p
	return o.sharePrefix(ctx)
}

// sharePrefix sets the prefix of all keys of the strategy redis to that of the first participant.
func (o *joinOptions) sharePrefix(ctx context.Context) error {
	const name = "prefix"
	if o.participant.Index() == 0 {
		o.redis.Prefix = redis.NewPrefix()
		if err := o.participant.Publish(ctx, name, []byte(o.redis.Prefix)); err != nil {
			return err
		}
	}
	found, err := o.participant.Await(ctx, name, 0)
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return o.lostError()
	}
	o.redis.Prefix, o.redis.Guest = string(found[0]), o.participant.Index() > 0
	o.inRedis = nil // created again, with the common prefix
	return nil
}

// leave ends the membership, with the reason if this process has not finished.
func (o *joinOptions) leave(ctx context.Context, err error) error {
	if o.client == nil {
		return nil
	}
	why := "ended before it had finished"
	switch {
	case o.finished:
		why = "finished"
	case ctx.Err() != nil:
		why = "interrupted"
	case err != nil:
		why = err.Error()
	}
	var failed error
	if o.participant != nil {
		failed = o.participant.Leave(why)
	}
	if err != nil || ctx.Err() != nil {
		failed = nil // err is reported; the others notice the missing heartbeats
	}
	return errors.Join(failed, o.client.Close())
}

// finish sends this participant's document, if there is one, to the others; ran is the error of its run. The last participant to
// finish gets the document of the whole run, the others nil. Where sending fails, finish returns this participant's document.
func (o *joinOptions) finish(ctx context.Context, doc *result.Document, ran error) (*result.Document, error) {
	p := o.participant
	var text bytes.Buffer
	if doc != nil {
		doc.Part = p.Part()
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
		o.note("%v: finished; the last participant to finish has written the result", p)
		fallthrough
	case parts == nil:
		return nil, o.lostError()
	}
	whole, err := p.Merge(parts)
	if errors.As(err, new(*distributed.MergeError)) {
		err = &exitError{exitIncomparable, err}
	}
	if err != nil {
		return doc, err
	}
	if err := o.tidy(ctx); err != nil || whole != nil {
		return whole, err
	}
	return nil, errors.Join(o.lostError(), p.Over(ctx))
}

// savePart writes this participant's document to text and to the file of --save-part.
func (o *joinOptions) savePart(text *bytes.Buffer, doc *result.Document) error {
	if err := result.EncodeJSON(text, doc); err != nil || o.Part == "" {
		return err
	}
	return o.writeFile(o.Part, func(w io.Writer) error {
		_, err := w.Write(text.Bytes())
		return err
	})
}

// conclude ends the run for the other participants after the merged document was written. If writing failed, another one writes it.
func (o *joinOptions) conclude(ctx context.Context, doc *result.Document, failed error) error {
	if doc.Part != nil || failed != nil {
		return nil
	}
	return o.participant.Over(ctx)
}

// tidy removes the sessions in Redis if the first participant, which would remove them, is lost.
func (o *joinOptions) tidy(ctx context.Context) error {
	if o.redis.URL == "" || !slices.ContainsFunc(o.participant.Losses(), func(l distributed.Loss) bool { return l.Index == 0 }) {
		return nil
	}
	all := o.redis
	all.Guest = false
	return connect(ctx, all)
}

// lostError names the lost participants; nil for none.
func (o *joinOptions) lostError() error {
	if lost := o.participant.Lost(); len(lost) > 0 {
		return &runner.LostError{Who: lost}
	}
	return nil
}
