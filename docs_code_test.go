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

// Each block of code in the documentation has a tag, an HTML comment in the line before it, which says what a test does
// with it:
//
//	<!-- code: run -->                     it is executed
//	<!-- code: parse only -->              it is parsed; of command lines, the commands and flags must exist
//	<!-- code: illustration: reason -->    nothing
//	<!-- table: COMMAND -->                nothing: it is the output of a command

// block is one block of code.
type block struct {
	at       string // file and line of its fence
	tag      string // "" for none
	language string // "" for none
	text     string
}

var (
	codeTag   = regexp.MustCompile(`^<!-- code: (run|parse only|illustration: \S.*) -->$`)
	outputTag = regexp.MustCompile(`^<!-- table: .+ -->$`)
)

const (
	tagRun          = "run"
	tagParse        = "parse only"
	tagIllustration = "illustration"
)

// blocksOf finds the blocks of code in a page. The error says what is wrong with its blocks.
func blocksOf(name, page string) (found []block, wrong []string) {
	before, fence := "", ""
	inside, blank := false, true
	for i, line := range strings.Split(page, "\n") {
		at := fmt.Sprintf("%s:%d", name, i+1)
		switch marked := strings.HasPrefix(strings.TrimLeft(line, " "), "```"); {
		case marked && !inside:
			inside = true
			b := block{at: at, language: strings.TrimLeft(strings.TrimLeft(line, " "), "`")}
			switch tag := codeTag.FindStringSubmatch(before); {
			case tag != nil:
				b.tag, _, _ = strings.Cut(tag[1], ":")
			case outputTag.MatchString(before):
				b.tag = tagIllustration
			default:
				wrong = append(wrong, at+": want a tag in the line before the block, such as <!-- code: parse only -->")
			}
			found = append(found, b)
			fence = line[:len(line)-len(strings.TrimLeft(line, " "))]
		case marked:
			inside = false
		case inside:
			found[len(found)-1].text += strings.TrimPrefix(line, fence) + "\n"
		case blank && (strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "    ")):
			wrong = append(wrong, at+": code by indentation: want a block between fences, with a tag")
		}
		before, blank = line, strings.TrimSpace(line) == ""
	}
	if inside {
		wrong = append(wrong, name+": a block without an end")
	}
	return found, wrong
}

// pages are the names of all documentation.
func pages(t *testing.T) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (entry.Name() == "testdata" || entry.Name()[0] == '.'):
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

func TestCodeInDocumentation(t *testing.T) {
	names, count := pages(t), map[string]int{}
	for _, name := range names {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		blocks, wrong := blocksOf(name, string(page))
		for _, b := range blocks {
			count[b.tag]++
			switch b.tag {
			case tagParse:
				wrong = append(wrong, parsed(b)...)
			case tagRun:
				run(t, b)
			}
		}
		for _, w := range wrong {
			t.Error(w)
		}
	}
	if !slices.Contains(names, "README.md") || !slices.Contains(names, "docs/adapter-protocol.md") || count[tagParse] < 20 || count[tagRun] < 5 {
		t.Errorf("only %v in %q", count, names)
	}
}

// parsed says what is wrong with a block that has to be parsed.
func parsed(b block) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, b.at+": "+fmt.Sprintf(format, args...)) }
	switch b.language {
	case "sh":
		for _, words := range commandLines(b.text, say) {
			if why := misused(words); why != "" {
				say("%s: %s", strings.Join(words, " "), why)
			}
		}
	case "go":
		if !parsesAsGo(b.text) {
			say("neither a file of Go nor statements")
		}
	case "json":
		if !json.Valid([]byte(b.text)) {
			say("no JSON")
		}
	case "yaml":
		if err := yaml.Unmarshal([]byte(b.text), new(any)); err != nil {
			say("no YAML: %v", err)
		}
	case "jsonl": // a conversation: → what is sent, ← what comes
		for line := range strings.Lines(b.text) {
			_, object, arrow := strings.Cut(line, " ")
			if !arrow || !strings.HasPrefix(line, "→ ") && !strings.HasPrefix(line, "← ") || !json.Valid([]byte(object)) {
				say("%q: want → or ←, and JSON", line)
			}
		}
	default:
		say("language %q: want sh, go, json, yaml or jsonl", b.language)
	}
	return wrong
}

func parsesAsGo(text string) bool {
	for _, file := range []string{text, "package p\n" + text, "package p\nfunc f() {\n" + text + "}"} {
		if _, err := parser.ParseFile(token.NewFileSet(), "", file, parser.SkipObjectResolution); err == nil {
			return true
		}
	}
	return false
}

// commandLines are the simple commands of a shell script, in words. What a shell would expand stands as it is.
func commandLines(script string, say func(string, ...any)) (lines [][]string) {
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		say("%v", err)
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
		return false // what is in $() is a command of others
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

// misused says why a command line cannot be right. Commands of others than this project are not looked at.
func misused(words []string) string {
	switch {
	case words[0] == "make":
		makefile, err := os.ReadFile("Makefile")
		if err != nil {
			return err.Error()
		}
		for _, goal := range words[1:] {
			if !bytes.Contains(makefile, []byte("\n"+goal+":")) {
				return "no such goal"
			}
		}
	case words[0] == "sessbench":
		return misusedFlags(words[1:])
	case len(words) > 2 && words[0] == "go" && words[1] == "run" && words[2] == ".":
		return misusedFlags(words[3:])
	case strings.HasPrefix(words[0], "./") || strings.HasPrefix(words[0], ".ci/"):
		if _, err := os.Stat(words[0]); err != nil {
			return err.Error()
		}
	}
	return ""
}

// misusedFlags has sessbench read its arguments, and show its help in place of doing anything.
func misusedFlags(args []string) string {
	n := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") })
	if n < 0 {
		n = len(args)
	}
	var out, errs bytes.Buffer
	asked := slices.Insert(slices.Clone(args), n, "--help")
	code := cmd.Main(cmd.WithArgs(asked...), cmd.WithIO(strings.NewReader(""), &out, &errs))
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
	case strings.HasPrefix(b.at, "CONTRIBUTING.md:") && b.language == "go": // TestRecipes does
		if !strings.Contains(strings.Join(slices.Collect(maps.Values(recipes(t))), ""), b.text) {
			t.Errorf("%s: not one of the recipes that TestRecipes runs", b.at)
		}
	case b.language == "python": // an adapter
		t.Run(b.at, func(t *testing.T) { conforms(t, b.text) })
	default:
		t.Errorf("%s: no test runs %q: want <!-- code: parse only --> or an illustration", b.at, b.language)
	}
}

// conforms has an adapter in Python checked.
func conforms(t *testing.T, program string) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("left out: no python3 in PATH")
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
		if c.Verdict != conformance.Pass {
			t.Errorf("%s: %s: sent %s, got %s, want %s", c.Name, c.Verdict, c.Sent, c.Got, c.Want)
		}
	}
}

func TestBlocksOf(t *testing.T) {
	for _, test := range []struct {
		why, page string
		tags      []string
		wrong     string // part of the only thing that is wrong; "" for nothing
	}{
		{"no code", "# Title\n\nText, and `code` in it.\n", nil, ""},
		{"a tag of each kind", "<!-- code: run -->\n```go\nx\n```\n<!-- code: parse only -->\n```sh\nx\n```\n" +
			"<!-- code: illustration: the output of a run -->\n```\nx\n```\n", []string{"run", "parse only", "illustration"}, ""},
		{"output that is generated", "<!-- table: sessbench run -->\n```\nx\n```\n<!-- end -->\n", []string{"illustration"}, ""},
		{"code inside a block by indentation", "<!-- code: parse only -->\n```go\n\n\tx()\n```\n", []string{"parse only"}, ""},
		{"no tag", "text\n```sh\nls\n```\n", []string{""}, "p.md:2: want a tag"},
		{"a tag that is not in the line before", "<!-- code: run -->\n\n```sh\nls\n```\n", []string{""}, "p.md:3: want a tag"},
		{"an illustration without a reason", "<!-- code: illustration -->\n```\nx\n```\n", []string{""}, "want a tag"},
		{"an unknown tag", "<!-- code: skip -->\n```\nx\n```\n", []string{""}, "want a tag"},
		{"code by indentation", "text\n\n\tgo run .\n", nil, "p.md:3: code by indentation"},
		{"no end", "<!-- code: run -->\n```go\nx\n", []string{"run"}, "without an end"},
	} {
		found, wrong := blocksOf("p.md", test.page)
		var tags []string
		for _, b := range found {
			tags = append(tags, b.tag)
		}
		if !slices.Equal(tags, test.tags) || (len(wrong) == 0) != (test.wrong == "") ||
			len(wrong) > 0 && (len(wrong) != 1 || !strings.Contains(wrong[0], test.wrong)) {
			t.Errorf("%s: tags %q, wrong %q: want %q, %q", test.why, tags, wrong, test.tags, test.wrong)
		}
	}
}

func TestParsed(t *testing.T) {
	for _, test := range []struct{ why, language, text, wrong string }{
		{"commands with comments, pipes and quotes", "sh", "sessbench run -u 10 \\\n  -S global > x.txt # a note\nsessbench list | sort; make test\n" +
			"kubectl get pods\nsessbench verify --target 'exec:python3 a.py --lock x' --label \"$(git rev-parse HEAD)\"\n", "unknown flag"},
		{"right commands", "sh", "sessbench run -u 10 \\\n  -S global > x.txt # a note\nsessbench list | sort; make test\nkubectl get pods\n" +
			"sessbench adapter test -- python3 a.py --lock x\nsessbench history add r.json --label \"$(git rev-parse HEAD)\"\ngo run . run -s churn\n", ""},
		{"a flag that does not exist", "sh", "sessbench run --userz 5\n", "--userz"},
		{"a value that cannot be", "sh", "sessbench run --hold 5\n", "--hold 5"},
		{"a command that does not exist", "sh", "sessbench rnu -u 5\n", "-u"},
		{"a command that does not exist, without flags", "sh", "sessbench rnu\n", "no such command"},
		{"no such goal", "sh", "make coffee\n", "no such goal"},
		{"no such program of ours", "sh", "./old-sessbench list\n", "no such file"},
		{"no shell", "sh", "sessbench run 'x\n", "quote"},
		{"statements of Go", "go", "x := f()\n", ""},
		{"a file of Go", "go", "package p\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n", ""},
		{"no Go", "go", "x := (\n", "neither"},
		{"JSON", "json", "{\"a\":1}\n", ""},
		{"no JSON", "json", "{\"a\":}\n", "no JSON"},
		{"YAML", "yaml", "a: [1]\n", ""},
		{"no YAML", "yaml", "a: [1\n", "no YAML"},
		{"a conversation", "jsonl", "→ {\"op\":\"hello\"}\n← {}\n", ""},
		{"a line of it that is no JSON", "jsonl", "→ {\"op\":}\n", "want → or ←"},
		{"a line of nobody's", "jsonl", "{}\n", "want → or ←"},
		{"another language", "perl", "x\n", `language "perl"`},
	} {
		wrong := strings.Join(parsed(block{at: "p.md:1", language: test.language, text: test.text}), "\n")
		if (wrong == "") != (test.wrong == "") || !strings.Contains(wrong, test.wrong) {
			t.Errorf("%s: %q: want %q", test.why, wrong, test.wrong)
		}
	}
}
