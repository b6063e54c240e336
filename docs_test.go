package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"mvdan.cc/sh/v3/syntax"

	"github.com/sessbench/sessbench/cmd"
	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/adapter/conformance"
)

// Each code block in the documentation has a tag, an HTML comment in the line before it, that selects its test:
//
//	<!-- code: run -->                     the block is executed
//	<!-- code: parse only -->              the block is parsed; commands and flags in it must exist
//	<!-- code: illustration: reason -->    the block is not tested
//	<!-- table -->                         the block is a command, whose flags must exist, and its output (tables_test.go)

// block is one code block.
type block struct {
	at       string // file and line of the opening fence
	tag      string // "" if missing
	language string // "" if missing
	text     string
}

var codeTag = regexp.MustCompile(`^<!-- code: (run|parse only|illustration: \S.*) -->$`)

const (
	tagRun          = "run"
	tagParse        = "parse only"
	tagIllustration = "illustration"
)

// blocksOf returns the code blocks of a page, and the errors in their tags and fences.
func blocksOf(name, page string) (found []block, errs []string) {
	previous, fence := "", ""
	inside, blank := false, true
	for i, line := range strings.Split(page, "\n") {
		at := fmt.Sprintf("%s:%d", name, i+1)
		switch isFence := strings.HasPrefix(strings.TrimLeft(line, " "), "```"); {
		case isFence && !inside:
			inside = true
			b := block{at: at, language: strings.TrimLeft(strings.TrimLeft(line, " "), "`")}
			switch tag := codeTag.FindStringSubmatch(previous); {
			case tag != nil:
				b.tag, _, _ = strings.Cut(tag[1], ":")
			case previous == tableTag:
				b.tag = tagIllustration
			default:
				errs = append(errs, at+": want a tag in the line before the block, such as <!-- code: parse only -->")
			}
			found = append(found, b)
			fence = line[:len(line)-len(strings.TrimLeft(line, " "))]
		case isFence:
			inside = false
		case inside:
			found[len(found)-1].text += strings.TrimPrefix(line, fence) + "\n"
		case blank && (strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "    ")):
			errs = append(errs, at+": code by indentation: want a fenced block with a tag")
		}
		previous, blank = line, strings.TrimSpace(line) == ""
	}
	if inside {
		errs = append(errs, name+": a code block without an end")
	}
	return found, errs
}

// pages returns the names of all Markdown files.
func pages(t *testing.T) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (entry.Name() == "testdata" || entry.Name() == "node_modules" || entry.Name()[0] == '.'):
			return fs.SkipDir
		case path.Ext(name) == ".md":
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestCodeBlocks(t *testing.T) {
	names, count := pages(t), map[string]int{}
	for _, name := range names {
		blocks, errs := blocksOf(name, readPage(t, name))
		for _, b := range blocks {
			count[b.tag]++
			switch b.tag {
			case tagParse:
				errs = append(errs, parseErrors(b)...)
			case tagRun:
				run(t, b)
			}
		}
		for _, err := range errs {
			t.Error(err)
		}
	}
	if !slices.Contains(names, "README.md") || !slices.Contains(names, "docs/adapter-protocol.md") ||
		count[tagParse] < 20 || count[tagRun] < 5 {
		t.Errorf("found %v in %q: want at least 20 blocks to parse and 5 to run", count, names)
	}
}

var inlineCode = regexp.MustCompile("`([^`\n]+)`")

// otherFlags are flags of other programs that the documentation mentions.
var otherFlags = []string{"--lock", "--scan"}

// TestInlineCommands checks commands and flags that the text mentions, such as `sessbench run -u 5` and `--hold`.
func TestInlineCommands(t *testing.T) {
	flags := append(allFlags(t), otherFlags...)
	commands := 0
	for _, name := range pages(t) {
		if name == "CHANGELOG.md" { // mentions what was renamed
			continue
		}
		for i, line := range strings.Split(readPage(t, name), "\n") {
			for _, code := range inlineCode.FindAllStringSubmatch(line, -1) {
				report := func(format string, args ...any) {
					t.Errorf("%s:%d: `%s`: %s", name, i+1, code[1], fmt.Sprintf(format, args...))
				}
				command, _, _ := strings.Cut(code[1], " -") // values of flags may be left out in a text
				if command == "make" || strings.HasPrefix(command, "make ") || strings.HasPrefix(command, "sessbench ") {
					commands++
					if err := usageError(strings.Fields(command)); err != "" {
						report("%s", err)
					}
				} else if !strings.HasPrefix(code[1], "--") {
					continue
				}
				for _, flag := range longFlag.FindAllString(code[1], -1) {
					if !slices.Contains(flags, flag) {
						report("no such flag: %s", flag)
					}
				}
			}
		}
	}
	if commands < 10 {
		t.Errorf("found %d commands in the text: want at least 10", commands)
	}
}

var (
	longFlag   = regexp.MustCompile(`--[a-z][a-z0-9-]+`)
	subcommand = regexp.MustCompile(`(?m)^  ([a-z-]+)  +\S`)
)

// allFlags returns the long flags in the help of every command.
func allFlags(t *testing.T) (flags []string) {
	t.Helper()
	var visit func(path []string)
	visit = func(path []string) {
		var out, errs bytes.Buffer
		args := append(slices.Clone(path), "--help")
		if code := cmd.Main(cmd.WithArgs(args...), cmd.WithIO(strings.NewReader(""), &out, &errs)); code != 0 {
			t.Fatalf("%q: exit code %d: %s", args, code, &errs)
		}
		_, options, ok := strings.Cut(out.String(), "\nUsage:\n")
		if !ok {
			t.Fatalf("%q: no usage in the help:\n%s", args, &out)
		}
		if _, rest, found := strings.Cut(options, "\nExamples:\n"); found {
			_, options, _ = strings.Cut(rest, "\n\n") // examples may have flags of other programs
		}
		flags = append(flags, longFlag.FindAllString(options, -1)...)
		_, list, _ := strings.Cut("\n"+options, "\nCommands")
		list, _, _ = strings.Cut(list, "\n\n")
		for _, child := range subcommand.FindAllStringSubmatch(list, -1) {
			if child[1] != "completion" {
				visit(append(slices.Clone(path), child[1]))
			}
		}
	}
	visit(nil)
	return flags
}

func TestAllFlags(t *testing.T) {
	flags := allFlags(t)
	for _, flag := range []string{"--hold", "--flawed", "--against-ref", "--label", "--metric", "--trace-format"} {
		if !slices.Contains(flags, flag) {
			t.Errorf("%s is not among the flags of all commands: %q", flag, flags)
		}
	}
	if slices.Contains(flags, "--userz") {
		t.Error("--userz is among the flags of all commands")
	}
}

// parseErrors returns the errors of a block that is parsed only.
func parseErrors(b block) (errs []string) {
	report := func(format string, args ...any) { errs = append(errs, b.at+": "+fmt.Sprintf(format, args...)) }
	switch b.language {
	case "sh":
		for _, words := range commandLines(b.text, report) {
			if err := usageError(words); err != "" {
				report("%s: %s", strings.Join(words, " "), err)
			}
		}
	case "go":
		if !parsesAsGo(b.text) {
			report("neither a Go file nor Go statements")
		}
	case "json":
		if !json.Valid([]byte(b.text)) {
			report("invalid JSON")
		}
	case "yaml":
		if err := yaml.Unmarshal([]byte(b.text), new(any)); err != nil {
			report("invalid YAML: %v", err)
		}
	case "jsonl": // a conversation: → request, ← answer
		for line := range strings.Lines(b.text) {
			_, object, arrow := strings.Cut(line, " ")
			if !arrow || !strings.HasPrefix(line, "→ ") && !strings.HasPrefix(line, "← ") || !json.Valid([]byte(object)) {
				report("%q: want → or ←, and JSON", line)
			}
		}
	default:
		report("language %q: want sh, go, json, yaml or jsonl", b.language)
	}
	return errs
}

func parsesAsGo(text string) bool {
	for _, file := range []string{text, "package p\n" + text, "package p\nfunc f() {\n" + text + "}"} {
		if _, err := parser.ParseFile(token.NewFileSet(), "", file, parser.SkipObjectResolution); err == nil {
			return true
		}
	}
	return false
}

// commandLines returns the words of each simple command in a shell script. Expansions are replaced by "x".
func commandLines(script string, report func(string, ...any)) (lines [][]string) {
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		report("%v", err)
		return nil
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		var words []string
		for _, word := range call.Args {
			words = append(words, textOf(word.Parts))
		}
		lines = append(lines, words)
		return false // commands in $() belong to other programs
	})
	return lines
}

func textOf(parts []syntax.WordPart) (text string) {
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			text += part.Value
		case *syntax.SglQuoted:
			text += part.Value
		case *syntax.DblQuoted:
			text += textOf(part.Parts)
		default:
			text += "x"
		}
	}
	return text
}

// usageError returns why a command line of this project is wrong, or "". Other programs are not checked.
func usageError(words []string) string {
	switch {
	case words[0] == "make":
		makefile, err := os.ReadFile("Makefile")
		if err != nil {
			return err.Error()
		}
		for _, goal := range words[1:] {
			if !bytes.Contains(makefile, []byte("\n"+goal+":")) {
				return "no such target"
			}
		}
	case words[0] == "sessbench":
		return flagError(words[1:])
	case len(words) > 2 && words[0] == "go" && words[1] == "run" && words[2] == ".":
		return flagError(words[3:])
	case strings.HasPrefix(words[0], "./") || strings.HasPrefix(words[0], ".ci/"):
		if _, err := os.Stat(words[0]); err != nil {
			return err.Error()
		}
	}
	return ""
}

// flagError makes sessbench parse its arguments and print its help instead of running the command.
func flagError(args []string) string {
	n := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") })
	if n < 0 {
		n = len(args)
	}
	var out, errs bytes.Buffer
	withHelp := slices.Insert(slices.Clone(args), n, "--help")
	code := cmd.Main(cmd.WithArgs(withHelp...), cmd.WithIO(strings.NewReader(""), &out, &errs))
	if code != 0 {
		return strings.TrimSpace(errs.String())
	}
	_, usage, _ := strings.Cut(out.String(), "Usage:\n  ")
	usage, _, _ = strings.Cut(usage, "\n")
	if n > 0 && !strings.HasPrefix(usage, "sessbench "+args[0]) {
		return "no such command"
	}
	return ""
}

// run executes a block.
func run(t *testing.T, b block) {
	switch {
	case strings.HasPrefix(b.at, "CONTRIBUTING.md:") && b.language == "go": // executed by TestRecipes
		if !strings.Contains(strings.Join(slices.Collect(maps.Values(recipes(t))), ""), b.text) {
			t.Errorf("%s: not one of the recipes that TestRecipes runs", b.at)
		}
	case strings.HasPrefix(b.at, "CONTRIBUTING.md:") && b.language == "diff":
		changes(t) // all of them, or it fails; TestRecipes builds them
	case strings.HasPrefix(b.at, "docs/recipes/"): // executed by TestRecipePages
		if b.language != "python" {
			for _, err := range parseErrors(b) {
				t.Error(err)
			}
		}
	case b.language == "go": // a program
		t.Run(b.at, func(t *testing.T) { checkProgram(t, b.text) })
	case b.language == "python": // an adapter
		t.Run(b.at, func(t *testing.T) { checkAdapter(t, b.text) })
	default:
		t.Errorf("%s: no test runs %q: use <!-- code: parse only --> or an illustration", b.at, b.language)
	}
}

var expectedOutput = regexp.MustCompile(`(?m)fmt\.Println\(.*\) // (.*)$`)

// checkProgram runs a program and compares its output with the comments behind its calls of fmt.Println.
func checkProgram(t *testing.T, program string) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	var want string
	for _, line := range expectedOutput.FindAllStringSubmatch(program, -1) {
		want += line[1] + "\n"
	}
	if got := output(t, "go", "run", file); want == "" || got != want {
		t.Errorf("output %q, want %q", got, want)
	}
	if formatted := output(t, "gofmt", file); formatted != program {
		t.Errorf("not formatted: gofmt has\n%s", formatted)
	}
}

// checkAdapter runs the conformance kit on an adapter in Python.
func checkAdapter(t *testing.T, program string) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("skipped: no python3 in PATH")
	}
	file := filepath.Join(t.TempDir(), "adapter.py")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := conformance.Run(t.Context(), conformance.Config{Target: adapter.Spec{Command: []string{python, file}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Checks {
		if c.Outcome != conformance.Pass {
			t.Errorf("%s: %s: sent %s, got %s, want %s", c.Name, c.Outcome, c.Sent, c.Got, c.Want)
		}
	}
}

func TestBlocksOf(t *testing.T) {
	for _, test := range []struct {
		name, page string
		tags       []string
		err        string // part of the only error; "" for none
	}{
		{"no code", "# Title\n\nText, and `code` in it.\n", nil, ""},
		{"a tag of each kind", "<!-- code: run -->\n```go\nx\n```\n<!-- code: parse only -->\n```sh\nx\n```\n" +
			"<!-- code: illustration: the output of a run -->\n```\nx\n```\n", []string{"run", "parse only", "illustration"}, ""},
		{"generated output", "<!-- table -->\n```console\n$ sessbench run\nx\n```\n<!-- end -->\n", []string{"illustration"}, ""},
		{"indented code in a block", "<!-- code: parse only -->\n```go\n\n\tx()\n```\n", []string{"parse only"}, ""},
		{"no tag", "text\n```sh\nls\n```\n", []string{""}, "p.md:2: want a tag"},
		{"a tag two lines before", "<!-- code: run -->\n\n```sh\nls\n```\n", []string{""}, "p.md:3: want a tag"},
		{"an illustration without a reason", "<!-- code: illustration -->\n```\nx\n```\n", []string{""}, "want a tag"},
		{"an unknown tag", "<!-- code: skip -->\n```\nx\n```\n", []string{""}, "want a tag"},
		{"indented code", "text\n\n\tgo run .\n", nil, "p.md:3: code by indentation"},
		{"no end", "<!-- code: run -->\n```go\nx\n", []string{"run"}, "without an end"},
	} {
		found, errs := blocksOf("p.md", test.page)
		var tags []string
		for _, b := range found {
			tags = append(tags, b.tag)
		}
		if !slices.Equal(tags, test.tags) || (len(errs) == 0) != (test.err == "") ||
			len(errs) > 0 && (len(errs) != 1 || !strings.Contains(errs[0], test.err)) {
			t.Errorf("%s: tags %q, errors %q: want %q, %q", test.name, tags, errs, test.tags, test.err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ name, language, text, want string }{
		{"commands with comments, pipes and quotes", "sh", "sessbench run -u 10 \\\n  -S global > x.txt # a note\nsessbench list | sort; make test\n" +
			"kubectl get pods\nsessbench verify --target 'exec:python3 a.py --lock x' --label \"$(git rev-parse HEAD)\"\n", "unknown flag"},
		{"correct commands", "sh", "sessbench run -u 10 \\\n  -S global > x.txt # a note\nsessbench list | sort; make test\nkubectl get pods\n" +
			"sessbench adapter test -- python3 a.py --lock x\nsessbench history add r.json --label \"$(git rev-parse HEAD)\"\ngo run . run -s churn\n", ""},
		{"a flag that does not exist", "sh", "sessbench run --userz 5\n", "--userz"},
		{"an invalid value", "sh", "sessbench run --hold 5\n", "--hold 5"},
		{"a command that does not exist", "sh", "sessbench rnu -u 5\n", "-u"},
		{"a command that does not exist, without flags", "sh", "sessbench rnu\n", "no such command"},
		{"an unknown make target", "sh", "make coffee\n", "no such target"},
		{"a missing program", "sh", "./old-sessbench list\n", "no such file"},
		{"invalid shell", "sh", "sessbench run 'x\n", "quote"},
		{"Go statements", "go", "x := f()\n", ""},
		{"a Go file", "go", "package p\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n", ""},
		{"invalid Go", "go", "x := (\n", "neither"},
		{"JSON", "json", "{\"a\":1}\n", ""},
		{"invalid JSON", "json", "{\"a\":}\n", "invalid JSON"},
		{"YAML", "yaml", "a: [1]\n", ""},
		{"invalid YAML", "yaml", "a: [1\n", "invalid YAML"},
		{"a conversation", "jsonl", "→ {\"op\":\"hello\"}\n← {}\n", ""},
		{"a line of a conversation with invalid JSON", "jsonl", "→ {\"op\":}\n", "want → or ←"},
		{"a line without an arrow", "jsonl", "{}\n", "want → or ←"},
		{"another language", "perl", "x\n", `language "perl"`},
	} {
		errs := strings.Join(parseErrors(block{at: "p.md:1", language: test.language, text: test.text}), "\n")
		if (errs == "") != (test.want == "") || !strings.Contains(errs, test.want) {
			t.Errorf("%s: errors %q: want %q", test.name, errs, test.want)
		}
	}
}
