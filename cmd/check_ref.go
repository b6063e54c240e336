package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/child"
)

// buildRef builds this program as it was at a git ref, with the flags this process was built with and -trimpath, to the file
// at path. It works in a worktree below dir, which is gone afterwards: the user's checkout is not touched.
func (o *checkOptions) buildRef(ctx context.Context, ref, dir, path string) error {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path == "" {
		return errors.New("this program does not say which module it was built from: want --against with a binary")
	}
	module, err := runTool(ctx, "", nil, "go", "list", "-m", "-f", "{{.Dir}}", info.Main.Path)
	if err != nil {
		return fmt.Errorf("the module %s is not here: run check in its checkout, or use --against with a binary: %w", info.Main.Path, err)
	}
	commit, err := runTool(ctx, module, nil, "git", "rev-parse", "--verify", "--end-of-options", ref+"^{commit}")
	switch {
	case ctx.Err() != nil:
		return err
	case err != nil:
		return usagef("%s %s: no commit that git knows here: %w", o.from("against-ref"), quoted(ref), err)
	}
	inside, err := runTool(ctx, module, nil, "git", "rev-parse", "--show-prefix")
	if err != nil {
		return err
	}
	tree := filepath.Join(dir, "tree")
	// Hooks would run in the worktree, as after any checkout.
	_, err = runTool(ctx, module, nil, "git", "-c", "core.hooksPath="+os.DevNull, "worktree", "add", "--detach", "--quiet", tree, commit)
	defer func() { // also when it was not whole, or ctx has ended
		_, _ = runTool(context.WithoutCancel(ctx), module, nil, "git", "worktree", "remove", "--force", tree)
	}()
	if err != nil {
		return err
	}
	build := append([]string{"build", "-trimpath", "-o", path}, buildFlags(info)...)
	_, err = runTool(ctx, filepath.Join(tree, inside), buildEnvironment(info), "go", append(build, mainPackage(info))...)
	if err != nil && ctx.Err() == nil {
		return &exitError{exitIncomparable, fmt.Errorf("%s %s does not build: %w", o.from("against-ref"), quoted(ref), err)}
	}
	return err
}

// mainPackage is the package this program was built from. Built from a list of files it does not say so.
func mainPackage(info *debug.BuildInfo) string {
	if info.Path == "" || info.Path == "command-line-arguments" {
		return "."
	}
	return strings.TrimSuffix(info.Path, ".test") // a test binary takes the place of the program that it tests
}

// buildFlags is the flags that this program was built with, as far as they change what the compiler makes of it. Go does not
// say which -ldflags a build with -trimpath had.
func buildFlags(info *debug.BuildInfo) (flags []string) {
	for _, s := range info.Settings {
		switch s.Key {
		case "-tags", "-ldflags", "-gcflags", "-asmflags", "-race", "-msan", "-asan", "-cover", "-pgo":
			flags = append(flags, s.Key+"="+s.Value)
		}
	}
	return flags
}

// buildEnvironment is what of the environment this program was built in changes what the compiler makes of it.
func buildEnvironment(info *debug.BuildInfo) (env []string) {
	for _, s := range info.Settings {
		switch s.Key {
		case "CGO_ENABLED", "GOAMD64", "GOARM64", "GOEXPERIMENT", "GOFIPS140":
			env = append(env, s.Key+"="+s.Value)
		}
	}
	return env
}

// runTool runs a command and returns its stdout without trailing line ends. env is added to the environment, without the
// variables by which git tells a hook where the repository is: they are about the user's checkout.
func runTool(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GIT_DIR=") || strings.HasPrefix(v, "GIT_INDEX_FILE=") || strings.HasPrefix(v, "GIT_WORK_TREE=") ||
			strings.HasPrefix(v, "GIT_PREFIX=") || strings.HasPrefix(v, "GIT_COMMON_DIR=") || strings.HasPrefix(v, "GIT_OBJECT_DIRECTORY=")
	}), env...)
	text, err := child.Run(ctx, c)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return strings.TrimRight(text, "\n"), err
}
