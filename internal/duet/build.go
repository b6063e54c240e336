package duet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/child"
)

// RefError reports a git ref that is not a commit, or whose program does not build.
type RefError struct {
	NoCommit bool
	Err      error
}

func (e *RefError) Error() string {
	if e.NoCommit {
		return fmt.Sprintf("not a commit of this repository: %v", e.Err)
	}
	return fmt.Sprintf("does not build: %v", e.Err)
}

func (e *RefError) Unwrap() error { return e.Err }

// Build builds this program at a git ref to the file at path, with -trimpath and the flags of this process's build. It uses
// a worktree below dir, which it removes afterwards: the user's checkout does not change. Errors are a *[RefError], ctx's cause,
// or those of the tools.
func Build(ctx context.Context, ref, dir, path string) error {
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
		return &RefError{true, err}
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
		return &RefError{false, err}
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
// variables that git sets for hooks, which point to the user's checkout.
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

// Copy copies a program, an executable file.
func Copy(from, to string) error {
	info, err := os.Stat(from)
	switch {
	case err != nil:
	case info.IsDir():
		err = errors.New("is a directory: want a program")
	case !info.Mode().IsRegular():
		err = errors.New("is not a regular file: want a program")
	case info.Mode()&0o111 == 0 && filepath.Ext(from) != ".exe":
		err = errors.New("is not executable: want a program")
	}
	var in *os.File
	if err == nil {
		in, err = os.Open(from)
	}
	if err != nil {
		if at := (*fs.PathError)(nil); errors.As(err, &at) {
			err = at.Err
		}
		return fmt.Errorf("%s: %w", from, err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
