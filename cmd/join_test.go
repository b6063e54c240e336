package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/viper"

	"github.com/sessbench/sessbench/internal/distributed"
	"github.com/sessbench/sessbench/internal/redistest"
	"github.com/sessbench/sessbench/reports/result"
)

// TestJoinScripts runs scripts of distributed runs, coordinated by the server $REDIS.
func TestJoinScripts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/join",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("REDIS", server.URL())
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"begun": func(ts *testscript.TestScript, _ bool, args []string) { // waits until a participant has joined the run
				for ts.Check(t.Context().Err()); server.Client().Exists(t.Context(), "sessbench:join:{"+args[0]+"}").Val() == 0; {
					time.Sleep(time.Millisecond)
				}
			},
		},
	})
}

// participant is a process of a distributed run.
type participant struct {
	*exec.Cmd
	stderr *signalled
}

// startParticipant starts this test program as sessbench in a distributed run; p.stderr is signalled when it matches.
func startParticipant(t *testing.T, url string, of int, pattern string, args ...string) *participant {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sessbench") // TestMain checks the name
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	args = append([]string{
		"run", "--join", url, "--run-id", "X", "--of", fmt.Sprint(of), "--join-timeout", "2s",
		"-S", "redis", "--redis-url", url, "-u", "6", "--sessions", "20", "--hold", "0", "-r", "1000", "-d", "50ms",
	}, args...)
	p := &participant{exec.Command(path, args...), &signalled{pattern: regexp.MustCompile(pattern), matched: make(chan struct{})}}
	p.Stderr = p.stderr
	p.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	return p
}

// The result names a killed participant, whichever participant writes it.
func TestKilledParticipantIsNamed(t *testing.T) {
	t.Parallel()
	const of = 3
	server := redistest.Start(t)
	whole := filepath.Join(t.TempDir(), "whole.json")
	all := make([]*participant, of)
	for i := range all {
		all[i] = startParticipant(t, server.URL(), of, `block 2/1000 done`, "-o", "json="+whole)
	}
	killed := all[of-1]
	select {
	case <-killed.stderr.matched:
	case <-time.After(time.Minute):
		t.Fatalf("it did not get to block 2:\n%s", killed.stderr.text.String())
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // the signal
	name := regexp.MustCompile(`this is (participant (\d+) of \d+)`).FindStringSubmatch(killed.stderr.text.String())[1]
	var ended sync.WaitGroup
	for _, p := range all[:of-1] {
		ended.Go(func() {
			if _ = p.Wait(); p.ProcessState.ExitCode() != exitFailed {
				t.Errorf("exit code %d: want %d", p.ProcessState.ExitCode(), exitFailed)
			}
		})
	}
	ended.Wait()
	for _, p := range all[:of-1] {
		if text := p.stderr.text.String(); !strings.Contains(text, name) {
			t.Errorf("%s is not named:\n%s", name, text)
		}
	}
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	d, err := result.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Participants) != of || !d.Interrupted {
		t.Errorf("%d participants, interrupted %v", len(d.Participants), d.Interrupted)
	}
	for _, p := range d.Participants {
		if p.Missing != (p.Name == name) || p.Missing && !strings.HasPrefix(p.Reason, "no heartbeat for 2s, last seen in trial ") {
			t.Errorf("%s was killed, but %s: lost %v %s", name, p.Name, p.Missing, p.Reason)
		}
	}
}

// The reason of leaving is the error of the run; without one, as after a panic, the participant has not finished.
func TestLeaveReason(t *testing.T) {
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	for _, test := range []struct {
		what string
		ctx  context.Context
		err  error
		want string
	}{
		{"no error", t.Context(), nil, "ended before it had finished"},
		{"an error", t.Context(), errors.New("its disk is full"), "its disk is full"},
		{"a signal", interrupted, errors.New("interrupted"), "interrupted"},
	} {
		url := "redis://" + miniredis.RunT(t).Addr()
		participants := make(chan *distributed.Participant, 2)
		runs := make([]*joinOptions, 2)
		for i := range runs {
			client, err := distributed.Connect(url)
			if err != nil {
				t.Fatal(err)
			}
			runs[i] = &joinOptions{client: client}
			go func() {
				p, err := distributed.Join(t.Context(), distributed.Options{Client: client, RunID: "X", Of: 2})
				if err != nil {
					t.Error(err)
				}
				runs[i].participant = p
				participants <- p
			}()
		}
		for range runs {
			if <-participants == nil {
				t.FailNow()
			}
		}
		if err := runs[0].leave(test.ctx, test.err); err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		if err := runs[1].participant.Barrier(t.Context(), 0); err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		if lost := runs[1].participant.Losses(); len(lost) != 1 || lost[0].Why != test.want {
			t.Errorf("%s: lost %+v: want %q", test.what, lost, test.want)
		}
		if err := runs[1].leave(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
}

// The manifest in the documentation is YAML, has as many pods as participants, and takes passwords from secrets.
func TestManifest(t *testing.T) {
	doc, err := os.ReadFile("../docs/distributed.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(doc), "```yaml\n")
	manifest, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("no manifest")
	}
	v := viper.New()
	v.SetConfigType("yaml")
	if err := v.ReadConfig(strings.NewReader(manifest)); err != nil {
		t.Fatal(err)
	}
	if v.GetString("kind") != "Job" || v.GetString("spec.completionMode") != "Indexed" || v.GetInt("spec.backoffLimit") != 0 {
		t.Errorf("a %s of mode %s", v.GetString("kind"), v.GetString("spec.completionMode"))
	}
	containers, _ := v.Get("spec.template.spec.containers").([]any)
	if len(containers) != 1 {
		t.Fatalf("%d containers", len(containers))
	}
	c := viper.New()
	if err := c.MergeConfigMap(containers[0].(map[string]any)); err != nil {
		t.Fatal(err)
	}
	args := c.GetStringSlice("args")
	for _, pods := range []string{"spec.completions", "spec.parallelism"} {
		if want := fmt.Sprintf("--of=%d", v.GetInt(pods)); !slices.Contains(args, want) {
			t.Errorf("%s is %d: want %s among %q", pods, v.GetInt(pods), want, args)
		}
	}
	run := newRunCmd(newApp(nil))
	if err := run.ParseFlags(args[1:]); err != nil {
		t.Errorf("%q: %v", args, err)
	}
	secret := 0
	for _, env := range c.Get("env").([]any) {
		e := viper.New()
		if err := e.MergeConfigMap(env.(map[string]any)); err != nil {
			t.Fatal(err)
		}
		flag := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(e.GetString("name"), "SESSBENCH_"), "_", "-"))
		if run.Flags().Lookup(flag) == nil {
			t.Errorf("%s sets no flag", e.GetString("name"))
		}
		if e.GetString("valueFrom.secretKeyRef.name") != "" {
			secret++
		}
	}
	if secret != 2 || c.GetBool("securityContext.allowPrivilegeEscalation") || c.GetBool("securityContext.privileged") {
		t.Errorf("%d secrets, security %v", secret, c.Get("securityContext"))
	}
}
