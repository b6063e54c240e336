package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckAgainstRef: the older program is built in a worktree that is removed afterwards, and the checkout does not change.
func TestCheckAgainstRef(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	t.Parallel()
	for _, tool := range []string{"git", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s", tool)
		}
	}
	here := checkedOut(t)
	binary := filepath.Join(t.TempDir(), "mine")
	// Without symbols, a link takes half the time.
	must(t, here, "go", "build", "-trimpath", "-tags", "some", "-ldflags", "-s -w", "-o", binary, ".")
	before := state(t, here)
	quick := []string{"check", "-q", "-S", "striped", "--gate", "allocs_per_op", "--pairs", "12", "-u", "4", "--sessions", "8", "-i", "500", "--warmup", "0s"}
	for _, test := range []struct {
		why, ref, want string
		code           int
	}{
		{"the same again passes", "HEAD", "PASS", 0},
		{"an older commit, by its distance", "HEAD~1", "not a commit", 2},
		{"not a ref", "--help", "not a commit", 2},
		{"a program that does not build", "broken", "broken: does not build: go: ", 4},
	} {
		c := exec.Command(binary, append(quick, "--against-ref", test.ref)...)
		c.Dir = here
		out, _ := c.CombinedOutput()
		if code := c.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s", test.why, code, test.code, test.want, out)
		}
		if after := state(t, here); after != before {
			t.Errorf("%s: the checkout was\n%s\nand is\n%s", test.why, before, after)
		}
	}
}

// checkedOut is a git checkout of the example custom-store, with a branch that does not build and a hook that creates a file.
func checkedOut(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "checkout")
	if err := os.CopyFS(dir, os.DirFS("../examples/custom-store")); err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	must(t, dir, "go", "mod", "edit", "-replace", module+"="+root)
	git := func(args ...string) {
		t.Helper()
		must(t, dir, "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	}
	git("init", "--quiet", "--initial-branch=main")
	git("add", ".")
	git("commit", "--quiet", "-m", "it works")
	git("checkout", "--quiet", "-b", "broken")
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	git("commit", "--quiet", "-a", "-m", "it does not")
	git("checkout", "--quiet", "main")
	hook := "#!/bin/sh\ntouch '" + filepath.Join(dir, "hooked") + "'\n"
	if err := os.WriteFile(filepath.Join(dir, ".git", "hooks", "post-checkout"), []byte(hook), 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// state describes everything that a check could change in a checkout.
func state(t *testing.T, dir string) string {
	t.Helper()
	return must(t, dir, "git", "status", "--porcelain", "--branch") + must(t, dir, "git", "worktree", "list") + must(t, dir, "git", "stash", "list")
}

func must(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -mod=mod", "GOWORK=off")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
