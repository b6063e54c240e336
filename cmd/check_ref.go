package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// buildRef builds this program as it was at a git ref, with the flags this process was built with and -trimpath, to the file
// at path. It works in a worktree below dir, which is gone afterwards: the user's checkout is not touched.
func (o *checkOptions) buildRef(ctx context.Context, ref, dir, path string) error {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path == "" {
		return errors.New("this program does not say which module it was built from: want --against with a binary")
	}
	module, err := output1(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}", info.Main.Path)
	if err != nil {
		return fmt.Errorf("the module %s is not here: run check in its checkout, or use --against with a binary: %w", info.Main.Path, err)
	}
	commit, err := output1(ctx, module, "git", "rev-parse", "--verify", "--end-of-options", ref+"^{commit}")
	if err != nil {
		return usagef("%s %s: no commit that git knows here: %w", o.from("against-ref"), quoted(ref), err)
	}
	inside, err := output1(ctx, module, "git", "rev-parse", "--show-prefix")
	if err != nil {
		return err
	}
	tree := filepath.Join(dir, "tree")
	// Hooks would run in the worktree, as after any checkout.
	_, err = output1(ctx, module, "git", "-c", "core.hooksPath="+os.DevNull, "worktree", "add", "--detach", "--quiet", tree, commit)
	defer func() { // also when it was not whole, or ctx has ended
		_, _ = output1(context.WithoutCancel(ctx), module, "git", "worktree", "remove", "--force", tree)
	}()
	if err != nil {
		return err
	}
	build := append([]string{"build", "-trimpath", "-o", path}, buildFlags(info)...)
	if _, err := output1(ctx, filepath.Join(tree, inside), "go", append(build, mainPackage(info))...); err != nil {
		return &exitError{exitIncomparable, fmt.Errorf("%s %s does not build: %w", o.from("against-ref"), quoted(ref), err)}
	}
	return nil
}

// mainPackage is the package this program was built from. Built from a list of files it does not say so.
func mainPackage(info *debug.BuildInfo) string {
	if info.Path == "" || info.Path == "command-line-arguments" {
		return "."
	}
	return strings.TrimSuffix(info.Path, ".test") // a test binary takes the place of the program that it tests
}

// buildFlags is the flags that this program was built with, as far as they change what the compiler makes of it. What
// stands in the environment (GOAMD64, CGO_ENABLED, GOEXPERIMENT) stands there still.
func buildFlags(info *debug.BuildInfo) (flags []string) {
	for _, s := range info.Settings {
		switch s.Key {
		case "-tags", "-ldflags", "-gcflags", "-asmflags", "-race", "-msan", "-asan", "-cover":
			flags = append(flags, s.Key+"="+s.Value)
		}
	}
	return flags
}

// output1 is what a command says on stdout, without the end of its last line. Its error holds what it said on stderr.
func output1(ctx context.Context, dir, name string, args ...string) (string, error) {
	var out, said bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Stdout, c.Stderr = dir, &out, &said
	c.SysProcAttr = apart()
	if err := c.Run(); err != nil {
		if text := strings.TrimSpace(said.String()); text != "" {
			err = fmt.Errorf("%s: %s", name, text)
		}
		return "", err
	}
	return strings.TrimRight(out.String(), "\n"), nil
}
