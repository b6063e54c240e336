package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
)

const (
	asProgram = "PEERS_TEST_PROGRAM" // set: the test binary is this build of sessbench
	asFlawed  = "PEERS_TEST_FLAWED"  // set: TestContract tests the flawed peers
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// flaw is how a store breaks the contract.
type flaw struct {
	certain []string // cases of storetest that fail
	also    []string // and cases that fail at times
	anomaly string   // that verify finds; none: it finds nothing
}

// flawed has the peers that break the contract, as their descriptions say. The others must keep it.
var flawed = map[string]flaw{
	"xsync-compute": {certain: []string{"goexit"}},
	"haxmap": {
		certain: []string{"one-creator"},
		also:    []string{"churn", "stays-deleted", "delete-last-state", "sweep-once", "census"},
		anomaly: "double creation",
	},
	"scs": {
		certain: []string{"one-creator", "no-lost-update", "close-waits"},
		also: []string{
			"steady-view", "churn", "stays-deleted", "delete-last-state", "sweep-touch", "sweep-once", "close-storm",
		},
		anomaly: "lost update",
	},
}

func TestContract(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			if _, fails := flawed[p.name]; fails != (os.Getenv(asFlawed) != "") {
				t.Skip("TestFlawed runs the flawed peers")
			}
			storetest.Run(t,
				func(testing.TB) manager.SessionStore[manager.Session] { return p.open() },
				p.guarantees,
				storetest.Probe[manager.Session]{
					New:       func() manager.Session { return manager.Session{} },
					Increment: func(s *manager.Session) { s.Append("user", "") },
					Count:     func(s *manager.Session) int64 { return int64(s.Seq) },
				})
		})
	}
}

// TestFlawed runs the tests of stores that break the contract in another process, where they may fail.
func TestFlawed(t *testing.T) {
	for name, want := range flawed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test := exec.Command(os.Args[0], "-test.v", "-test.run", "TestContract/^"+name+"$")
			test.Env = append(os.Environ(), asFlawed+"=1")
			out, err := test.CombinedOutput()
			if err == nil {
				t.Fatalf("it keeps the contract:\n%s", out)
			}
			var failed []string
			for _, m := range regexp.MustCompile(`--- FAIL: TestContract/.*/(.*) \(`).FindAllSubmatch(out, -1) {
				failed = append(failed, string(m[1]))
			}
			for _, c := range want.certain {
				if !slices.Contains(failed, c) {
					t.Errorf("%s passes", c)
				}
			}
			for _, c := range failed {
				if !slices.Contains(slices.Concat(want.certain, want.also), c) {
					t.Errorf("%s fails", c)
				}
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}

// TestVerify has verify find the anomaly of each flawed peer, and none of the others.
func TestVerify(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			pressure, want := []string{"--rounds", "10"}, p.name+" +linearizable"
			anomaly := flawed[p.name].anomaly
			if anomaly != "" {
				pressure, want = []string{"--until", anomaly, "--budget", "30s"}, "(?m)^"+p.name+": .*"+anomaly
			}
			verify := exec.Command(os.Args[0], append([]string{"verify", "-q", "-S", p.name}, pressure...)...)
			verify.Env = append(os.Environ(), asProgram+"=1")
			out, err := verify.CombinedOutput()
			if failed := err != nil; failed != (anomaly != "") || !regexp.MustCompile(want).Match(out) {
				t.Errorf("%v: want %s\n%s", err, want, out)
			}
		})
	}
}
