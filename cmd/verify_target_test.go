package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/scenarios"
)

// verified is what `sessbench verify` came to: the exit code and both streams.
func verified(t *testing.T, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Main(WithArgs(append([]string{"verify"}, args...)...), WithIO(nil, &stdout, &stderr))
	return code, stdout.String(), stderr.String()
}

// flat is a text with all white space made one blank.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// python is an adapter that ships, by the words behind its path.
func python(t *testing.T, lock string) adapter.Spec {
	t.Helper()
	return shippedAdapter{language: "python", words: "python/server.py --lock " + lock}.spec(t)
}

// TestVerifyFindsTheOrphanedLock: the origin's design loses an update, and the timeline shows how.
func TestVerifyFindsTheOrphanedLock(t *testing.T) {
	t.Parallel()
	spec := python(t, "per-session")
	report := filepath.Join(t.TempDir(), "report.json")
	code, out, said := verified(t, "--target", spec.String(), "-s", "churn", "--rounds", "0", "--until", "any", "--budget", "1m",
		"-o", "table=-", "-o", "json="+report)
	if code != exitViolated || !strings.Contains(said, "violated by python-per-session (") {
		t.Fatalf("exit code %d, stderr %s", code, said)
	}
	for _, want := range []string{
		"► ", "created", "deleted", "┢ ", "┃ is work in the session", // words in narrow columns are broken
		"the lock is discarded when the session is deleted", "1 target, violated by python-per-session",
		"Reproduce with: ", " verify --target '", "--lock per-session' -s churn --seed ",
	} {
		if !strings.Contains(flat(out), flat(want)) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "closure") || strings.Contains(out, "goroutine") {
		t.Errorf("words of Go:\n%s", out)
	}
	text, err := os.ReadFile(report)
	if err != nil || !bytes.Contains(text, []byte(`"target": "exec:`)) {
		t.Errorf("error %v, and in the report: %s", err, text)
	}
}

// TestVerifyPassesTheFixedLock: with the lock in the session and a mark on the dead it is right.
func TestVerifyPassesTheFixedLock(t *testing.T) {
	t.Parallel()
	spec := python(t, "per-session-fixed")
	code, out, said := verified(t, "--target", spec.String(), "-s", "churn", "--rounds", "8", "-S", "per-session", "--target", spec.String())
	if code != exitOK {
		t.Fatalf("exit code %d, stderr %s\n%s", code, said, out)
	}
	for _, want := range []string{
		"store verdict", "python-per-session-fixed linearizable", "python-per-session-fixed#2 linearizable", "per-session linearizable",
		"3 stores, every one linearizable",
	} {
		if !strings.Contains(flat(out), want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
}

// TestVerifyTellsHowAProgramEnded: a crash with what it said last, a hang with what it did not answer.
func TestVerifyTellsHowAProgramEnded(t *testing.T) {
	t.Parallel()
	spec := python(t, "global")
	script := slices.IndexFunc(spec.Command, func(word string) bool { return strings.HasSuffix(word, ".py") })
	for how, want := range map[string][]string{
		"crash": {"✗ crash", "exit status 3", "MemoryError: no room for one more session"},
		"hang":  {"✗ hang", "no answer to ", " for 1s"},
	} {
		failing := adapter.Spec{Command: slices.Insert(slices.Clone(spec.Command), script, "testdata/verify/failing.py", how)}
		code, out, said := verified(t, "--target", failing.String(), "--target-timeout", "1s")
		if code != exitViolated || !strings.Contains(said, "("+how+")") {
			t.Errorf("%s: exit code %d, stderr %s", how, code, said)
		}
		for _, text := range want {
			if !strings.Contains(flat(out), text) {
				t.Errorf("%s: want %q in\n%s", how, text, out)
			}
		}
	}
}

func TestVerifyRefusesTargets(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	legal := "auth, chatbot, churn, hot-session, hundred-users, planner, rag"
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--target", "ssh:host"}, exitUsage, `--target target "ssh:host": unknown kind of target: want exec:COMMAND, tcp:HOST:PORT, unix:PATH or http:FILE`},
		{[]string{"--target", "exec:"}, exitUsage, `--target target "exec:": no command`},
		{[]string{"--target", "exec:a 'b"}, exitUsage, "without closing quote"},
		{[]string{"--target", "exec:true", "-p", "shards=4"}, exitUsage, "--param shards=4: the strategies of this run have no parameters"},
		{[]string{"--target", "exec:true", "--flawed", "all"}, exitUsage, "--target: not with --flawed all"},
		{[]string{"--target", "exec:true", "--history", "x.json"}, exitUsage, "--target: not with --history x.json"},
		{[]string{"--disturb", "restart"}, exitUsage, "--disturb restart: strategies live in this process: want --target with it"},
		{[]string{"--target", "exec:true", "--disturb", "fire"}, exitUsage, "--disturb fire: want one of restart"},
		{[]string{"-s", "churn", "--flawed", "all"}, exitUsage, "--scenario: not with --flawed all"},
		{[]string{"-s", "church"}, exitUsage, "--scenario church: unknown scenario: did you mean churn? want all or some of " + legal},
		{[]string{"-s", "churn,expiry"}, exitUsage, "--scenario expiry: expiry expires sessions: users do not see which ones " +
			"a sweep removes: want all or some of " + legal},
		{[]string{"-s", "brainstorming"}, exitUsage, "--scenario brainstorming: the users of brainstorming only use sessions that they create"},
		{[]string{"--target", "exec:sh -c 'echo no such module >&2; exit 3'"}, exitFailed, "exit status 3"},
		{[]string{"--target", "exec:sh -c 'echo no such module >&2; exit 3'"}, exitFailed, "no such module"},
		{[]string{"--target", "exec:no-such-program"}, exitFailed, "no-such-program"},
		{[]string{"--target", "tcp:127.0.0.1:1"}, exitFailed, "connection refused"},
		{[]string{"-S", "redis:layout=list", "-s", "planner"}, exitUsage, "redis: it lacks update, which planner needs"},
	} {
		code, out, said := verified(t, append(test.args, "-q")...)
		if code != test.code || !strings.Contains(said, test.want) || out != "" {
			t.Errorf("%q: exit code %d, stdout %q, stderr %s\nwant exit code %d, and %q", test.args, code, out, said, test.code, test.want)
		}
	}
}

// TestVerifyLeavesOutScenariosOfOthers: what a file or the environment says for all commands and does not fit is left out.
func TestVerifyLeavesOutScenariosOfOthers(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Setenv("SESSBENCH_SCENARIO", "brainstorming,churn")
	code, _, said := verified(t, "-S", "global", "--rounds", "40")
	if code != exitOK || !strings.Contains(said, "note: SESSBENCH_SCENARIO brainstorming is not used: the users of") {
		t.Errorf("exit code %d, stderr %s", code, said)
	}
}

// TestVerifyInRedis: blobs through the store, lists through the operations that there are.
func TestVerifyInRedis(t *testing.T) {
	t.Parallel()
	code, out, said := verified(t, "-S", "redis,redis:layout=list", "--rounds", "3")
	if code != exitOK || !strings.Contains(flat(out), "2 strategies, every one linearizable") {
		t.Errorf("exit code %d, stderr %s\n%s", code, said, out)
	}
}

// TestReplayOfATarget: the command line is quoted as a shell takes it.
func TestReplayOfATarget(t *testing.T) {
	o := newVerifyOptions(newApp(nil))
	tasked := task{Task: verify.Task{Target: `exec:python3 'my server.py' --lock per-session`}}
	tasked.Config.Scenarios = []scenarios.Scenario{{Name: "chatbot"}, {Name: "churn"}}
	got := strings.TrimPrefix(o.replay(tasked, &history.Violation{Seed: 7, Anomaly: history.LostUpdate}), o.program()+" ")
	want := `verify --target 'exec:python3 '\''my server.py'\'' --lock per-session' -s chatbot,churn --seed 7 --rounds 1 --until 'lost update'`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
