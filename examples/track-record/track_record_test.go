package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/examples/track-record/cases"
)

const asProgram = "TRACK_RECORD_TEST_PROGRAM" // set: the test binary is this build of sessbench

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestCases has verify find the bug of each case whose code is in Go, and none in its control. Reconstructions are tested where they are,
// in internal/flawed.
func TestCases(t *testing.T) {
	all, err := cases.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if len(c.Needs) > 0 || c.Code == cases.Reconstruction {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			out := search(t, c)
			var found struct {
				Reports []struct{ Violation struct{ Anomaly, Why string } }
			}
			if err := json.Unmarshal(out, &found); err != nil || len(found.Reports) != 1 {
				t.Fatalf("%v in\n%s", err, out)
			}
			if v := found.Reports[0].Violation; !slices.Contains(c.Expect, v.Anomaly) {
				t.Errorf("%s: %s; want one of %q", v.Anomaly, v.Why, c.Expect)
			}
		})
		t.Run(c.Name+"/control", func(t *testing.T) {
			if len(c.Control) == 0 {
				t.Skip(c.ControlIs)
			}
			if out, code := sessbench(t, append(slices.Clone(c.Control), "--rounds", "20", "--budget", "10m")); code != 0 {
				t.Errorf("exit code %d: want 0\n%s", code, out)
			}
		})
	}
}

// search returns the document of the first search that finds a violation. A map that loops for ever ends a search without a verdict,
// since it may merely be slow.
func search(t *testing.T, c cases.Case) []byte {
	t.Helper()
	for seed := 1; seed < 10_000_000; seed += 1_000_000 {
		out, code := sessbench(t, append(c.Search(), "--seed", strconv.Itoa(seed), "-f", "json"))
		switch code {
		case 5:
			return out
		case 3:
			continue
		}
		t.Fatalf("exit code %d: want 5\n%s", code, out)
	}
	t.Fatal("not found")
	return nil
}

// sessbench runs verify of this program, and returns what it prints and its exit code.
func sessbench(t *testing.T, args []string) (out []byte, code int) {
	t.Helper()
	verify := exec.Command(os.Args[0], append([]string{"verify", "-q"}, args...)...)
	verify.Env = append(os.Environ(), asProgram+"=1")
	verify.Dir = "../.." // in which the cases name files
	var errs strings.Builder
	verify.Stderr = &errs
	out, err := verify.Output()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if errs.Len() > 0 {
		t.Log(&errs)
	}
	return out, verify.ProcessState.ExitCode()
}
