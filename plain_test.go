package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// personifying are words that technical text about programs does not need: a program or a value is the subject, not a person.
var personifying = regexp.MustCompile(`(?i)\b(?:told|nobody|somebody|whoever|whom|everybody|anybody)\b`)

const maxPersonifying = 40

// TestPlainLanguage limits personifying words in production code and documentation.
func TestPlainLanguage(t *testing.T) {
	files := append(pages(t), "Makefile")
	for _, s := range sources(t, os.DirFS(".")) {
		files = append(files, s.name)
	}
	var found []string
	for _, name := range files {
		for i, line := range strings.Split(readPage(t, name), "\n") {
			for _, word := range personifying.FindAllString(line, -1) {
				found = append(found, fmt.Sprintf("%s:%d: %s", name, i+1, word))
			}
		}
	}
	if len(found) >= maxPersonifying {
		slices.Sort(found)
		t.Errorf("%d words, want less than %d: name the thing that acts\n%s",
			len(found), maxPersonifying, strings.Join(found, "\n"))
	}
}

// TestDocComments checks that the comment of a function or a type begins with its name: after a renaming it must not describe
// another one.
func TestDocComments(t *testing.T) {
	for _, s := range sources(t, os.DirFS(".")) {
		for _, name := range misnamed(s.file) {
			t.Errorf("%s: the comment of %s begins with another word", s.name, name)
		}
	}
}

func TestMisnamed(t *testing.T) {
	for _, test := range []struct{ why, text, want string }{
		{"a former name", "// old does it.\nfunc new() {}", "new"},
		{"of a method", "// old does it.\nfunc (t T) Method() {}", "Method"},
		{"of a type in a group", "type (\n// A thing is one.\nT int\n)", "T"},
		{"the name", "// new does it.\nfunc new() {}", ""},
		{"an article before it", "// A T is one.\ntype T int", ""},
		{"punctuation after it", "// T: one.\ntype T int", ""},
		{"no comment", "func new() {}", ""},
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+test.text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(misnamed(file), " "); got != test.want {
			t.Errorf("%s: got %q, want %q", test.why, got, test.want)
		}
	}
}

// misnamed returns the functions and types whose comments do not begin with their names.
func misnamed(file *ast.File) (names []string) {
	check := func(doc *ast.CommentGroup, name string) {
		words := strings.Fields(doc.Text())
		if len(words) > 1 && slices.Contains([]string{"A", "An", "The"}, words[0]) {
			words = words[1:]
		}
		if len(words) > 0 && strings.TrimRight(words[0], ",:;.'s") != strings.TrimRight(name, "s") {
			names = append(names, name)
		}
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			check(d.Doc, d.Name.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok && s.Doc != nil {
					check(s.Doc, s.Name.Name)
				} else if ok && !d.Lparen.IsValid() {
					check(d.Doc, s.Name.Name)
				}
			}
		}
	}
	return names
}
