// Release writes what packages contain beside the program, man pages and completion scripts, into the directories man and completions
// below its argument:
//
//	go run ./internal/release DIRECTORY
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sessbench/sessbench/cmd"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// completions are the completion scripts by the shell that reads them.
var completions = map[string]string{
	"bash":       "sessbench.bash",
	"zsh":        "_sessbench",
	"fish":       "sessbench.fish",
	"powershell": "sessbench.ps1",
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("want one argument, the directory")
	}
	if err := os.Setenv("COLUMNS", "72"); err != nil { // of help: man indents it by seven
		return err
	}
	pages, err := manPages(output)
	if err != nil {
		return err
	}
	for name, page := range pages {
		if err := write(filepath.Join(args[0], "man", name), page); err != nil {
			return err
		}
	}
	for shell, name := range completions {
		script, err := output("completion", shell)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(args[0], "completions", name), script); err != nil {
			return err
		}
	}
	return nil
}

// output returns what sessbench prints with these arguments.
func output(args ...string) (string, error) {
	var out, failed strings.Builder
	if code := cmd.Main(cmd.WithArgs(args...), cmd.WithIO(strings.NewReader(""), &out, &failed)); code != 0 {
		return "", fmt.Errorf("sessbench %s: exit code %d: %s", strings.Join(args, " "), code, failed.String())
	}
	return out.String(), nil
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
