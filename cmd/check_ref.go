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

// buildRef builds this program at a git ref to the file at path, with -trimpath and the flags of this process's build. It uses
// a worktree below dir, which it removes afterwards: the user's checkout does not change.
func (o *checkOptions) buildRef(ctx context.Context, ref, dir, path string) error {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path == "" {
		return errors.New("this program has no build information: want --against with a binary")
	}
	module, err := runTool(ctx, "", nil, "go", "list", "-m", "-f", "{{.Dir}}", info.Main.Path)
	if err != nil {
		return fmt.Errorf("no module %s: run check in its checkout, or use --against with a binary: %w", info.Main.Path, err)
	}
	commit, err := runTool(ctx, module, nil, "git", "rev-parse", "--verify", "--end-of-options", ref+"^{commit}")
	switch {
	case ctx.Err() != nil:
		return err
	case err != nil:
		return usagef("%s %s: not a commit of this repository: %w", o.from("against-ref"), quoted(ref), err)
	}
	inside, err := runTool(ctx, module, nil, "git", "rev-parse", "--show-prefix")
	if err != nil {
		return err
	}
	tree := filepath.Join(dir, "tree")
	// Hooks would run in the worktree, as after any checkout.
	_, err = runTool(ctx, module, nil, "git", "-c", "core.hooksPath="+os.DevNull, "worktree", "add", "--detach", "--quiet", tree, commit)
	defer func() { // also where it is incomplete, or ctx has ended
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

// mainPackage is the package this program was built from. It is unknown for a build of a list of files.
func mainPackage(info *debug.BuildInfo) string {
	if info.Path == "" || info.Path == "command-line-arguments" {
		return "."
	}
	return strings.TrimSuffix(info.Path, ".test") // a test binary stands for the program
}

// buildFlags are the flags of this program's build that change the generated code. The build information does not contain the
// -ldflags of a build with -trimpath.
func buildFlags(info *debug.BuildInfo) (flags []string) {
	for _, s := range info.Settings {
		switch s.Key {
		case "-tags", "-ldflags", "-gcflags", "-asmflags", "-race", "-msan", "-asan", "-cover", "-pgo":
			flags = append(flags, s.Key+"="+s.Value)
		}
	}
	return flags
}

// buildEnvironment are the environment variables of this program's build that change the generated code.
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
