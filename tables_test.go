package main_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "run the commands of the tables in the documentation and replace the tables (make docs)")

// A generated table: a block with the command and its output.
const tableTag = "<!-- table -->"

var table = regexp.MustCompile("(?s)" + tableTag + "\n```console\n[$] ([^\n]+)\n(.*?)```\n<!-- end -->\n")

// replaceTables replaces each table of a page by the output of its command.
func replaceTables(page string, run func(words []string) (string, error)) (string, error) {
	matches := table.FindAllStringSubmatchIndex(page, -1)
	if n := strings.Count(page, tableTag+"\n"); n != len(matches) {
		return "", fmt.Errorf("%d of %d tables have a console block with a command, and <!-- end -->", len(matches), n)
	}
	var b strings.Builder
	var errs []error
	last := 0
	for _, m := range matches {
		command := page[m[2]:m[3]]
		lines := commandLines(command, func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) })
		if len(lines) != 1 || lines[0][0] != "sessbench" {
			errs = append(errs, fmt.Errorf("%s: want one sessbench command", command))
			continue
		}
		out, err := run(lines[0])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", command, err))
		}
		b.WriteString(page[last:m[4]] + out)
		last = m[5]
	}
	return b.String() + page[last:], errors.Join(errs...)
}

// once runs a command the first time, and returns the same output from then on: pages in two languages show one measurement.
func once(run func(words []string) (string, error)) func(words []string) (string, error) {
	outputs := map[string]string{}
	return func(words []string) (string, error) {
		command := fmt.Sprintf("%q", words)
		if out, ok := outputs[command]; ok {
			return out, nil
		}
		out, err := run(words)
		if err == nil {
			outputs[command] = out
		}
		return out, err
	}
}

// differing returns the commands whose tables are not the same everywhere.
func differing(pages []string) (commands []string) {
	outputs := map[string]string{}
	for _, page := range pages {
		for _, m := range table.FindAllStringSubmatch(page, -1) {
			if out, ok := outputs[m[1]]; ok && out != m[2] {
				commands = append(commands, m[1])
			}
			outputs[m[1]] = m[2]
		}
	}
	return commands
}

// TestTables checks that the command of every table exists, and has one output. With -update it runs the commands and replaces the tables.
func TestTables(t *testing.T) {
	run := func(words []string) (string, error) {
		if err := usageError(words); err != "" {
			return "", errors.New(err)
		}
		return "", nil
	}
	if *update {
		program := filepath.Join(t.TempDir(), "sessbench")
		output(t, "go", "build", "-o", program, ".")
		run = once(func(words []string) (string, error) {
			t.Log(strings.Join(words, " "))
			var out, errs bytes.Buffer
			c := exec.CommandContext(t.Context(), program, words[1:]...)
			c.Args[0] = words[0]
			c.Env = append(os.Environ(), "COLUMNS=120")
			c.Stdout, c.Stderr = &out, &errs
			err := c.Run()
			if c.ProcessState.ExitCode() == 5 { // a violation is a result
				err = nil
			}
			if err != nil {
				err = fmt.Errorf("%w\n%s", err, &errs)
			}
			return out.String(), err
		})
	}
	tables, texts := 0, []string(nil)
	for _, name := range pages(t) {
		page := readPage(t, name)
		tables += strings.Count(page, tableTag+"\n")
		changed, err := replaceTables(page, run)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if *update && changed != page {
			if err := os.WriteFile(name, []byte(changed), 0o644); err != nil {
				t.Error(err)
			}
			page = changed
		}
		texts = append(texts, page)
	}
	for _, command := range differing(texts) {
		t.Errorf("%s: two pages have different outputs of it", command)
	}
	if tables < 5 {
		t.Errorf("found %d tables: want at least 5", tables)
	}
}

func TestSameTables(t *testing.T) {
	page := func(command, out string) string {
		return "<!-- table -->\n```console\n$ " + command + "\n" + out + "```\n<!-- end -->\n"
	}
	for _, test := range []struct {
		name  string
		pages []string
		want  []string
	}{
		{"the same on two pages", []string{page("a", "x\n"), page("a", "x\n") + page("b", "y\n")}, nil},
		{"another output on another page", []string{page("a", "x\n"), page("a", "z\n")}, []string{"a"}},
		{"another output on the same page", []string{page("a", "x\n") + page("a", "z\n")}, []string{"a"}},
	} {
		if got := differing(test.pages); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	runs := 0
	run := once(func(words []string) (string, error) {
		if runs++; runs == 1 {
			return "", errors.New("exit")
		}
		return fmt.Sprint(words, runs), nil
	})
	if _, err := run([]string{"a"}); err == nil {
		t.Error("no error of the first run")
	}
	for range 2 { // an error is not kept
		if got, err := run([]string{"a"}); got != "[a] 2" || err != nil {
			t.Errorf("%q, %v: want the output of the second run", got, err)
		}
	}
	if got, _ := run([]string{"b"}); got != "[b] 3" {
		t.Errorf("%q: want the output of another command", got)
	}
}

func TestReplaceTables(t *testing.T) {
	for _, test := range []struct {
		name, page, want string
		commands         []string
		err              string // part of the error; "" for none
	}{
		{"no table", "text\n", "text\n", nil, ""},
		{"two tables with text around them",
			"a\n<!-- table -->\n```console\n$ sessbench run\nold\n```\n<!-- end -->\nb\n<!-- table -->\n```console\n$ sessbench list -f 'a b'\nold\n```\n<!-- end -->\nc\n",
			"a\n<!-- table -->\n```console\n$ sessbench run\nnew\n```\n<!-- end -->\nb\n<!-- table -->\n```console\n$ sessbench list -f 'a b'\nnew\n```\n<!-- end -->\nc\n",
			[]string{"sessbench|run", "sessbench|list|-f|a b"}, ""},
		{"no end", "<!-- table -->\n```console\n$ sessbench run\nold\n```\ntext\n", "", nil, "0 of 1 tables have"},
		{"another program", "<!-- table -->\n```console\n$ rm -r x\nold\n```\n<!-- end -->\n", "", nil, "want one sessbench command"},
		{"a command that fails", "<!-- table -->\n```console\n$ sessbench fail\nold\n```\n<!-- end -->\n", "",
			[]string{"sessbench|fail"}, "sessbench fail: exit"},
	} {
		var commands []string
		got, err := replaceTables(test.page, func(words []string) (string, error) {
			commands = append(commands, strings.Join(words, "|"))
			if words[1] == "fail" {
				return "", errors.New("exit")
			}
			return "new\n", nil
		})
		switch {
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: error %v, want %q", test.name, err, test.err)
			}
		case err != nil || got != test.want:
			t.Errorf("%s: %q, %v: want %q", test.name, got, err, test.want)
		}
		if !slices.Equal(commands, test.commands) {
			t.Errorf("%s: ran %q, want %q", test.name, commands, test.commands)
		}
	}
}
