package httptarget

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// yamlBlock matches a block of YAML in a page, and its indentation.
var yamlBlock = regexp.MustCompile("(?m)^( *)```yaml\n((?s:.*?))^ *```$")

// TestDocs loads every block of YAML in docs/http.md. A block without base is part of a mapping: its keys and operations replace those of
// the mapping chat.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "http.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllStringSubmatchIndex(string(page), -1)
	if len(blocks) < 10 {
		t.Errorf("%d blocks of YAML in docs/http.md, want at least 10", len(blocks))
	}
	for _, at := range blocks {
		name := fmt.Sprintf("docs/http.md:%d", strings.Count(string(page[:at[0]]), "\n")+1)
		indent, text := string(page[at[2]:at[3]]), string(page[at[4]:at[5]])
		text = strings.ReplaceAll("\n"+text, "\n"+indent, "\n")[1:]
		var whole, part map[string]any
		if err := yaml.Unmarshal([]byte(text), &part); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if part["base"] == nil || part["operations"] == nil {
			if err := yaml.Unmarshal([]byte(chat), &whole); err != nil {
				t.Fatal(err)
			}
			for k, v := range part {
				if operations, ok := v.(map[string]any); ok && k == "operations" {
					for op, v := range operations {
						whole[k].(map[string]any)[op] = v
					}
					continue
				}
				whole[k] = v
			}
			merged, err := yaml.Marshal(whole)
			if err != nil {
				t.Fatal(err)
			}
			text = string(merged)
		}
		if _, err := parse(name, []byte(text), nil, func(string) (string, bool) { return "x", true }, func(string) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("user,password\nada,1234\n")), nil
		}); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// TestExamples loads every mapping of the examples.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "http", "*", "*.yaml"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%q, %v: want at least 5 mappings", files, err)
	}
	for _, file := range files {
		if _, err := Load(file, nil); err != nil {
			t.Error(err)
		}
	}
}

var legalKeys = regexp.MustCompile(`(\S+): unknown key "no": want one of (.*)`)

// TestDocsAreComplete: every key and placeholder of the format is in docs/http.md.
func TestDocsAreComplete(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "http.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parseText(`no: x
session: {no: x, id: {no: x}}
errors: {no: x}
operations:
  no: x
  create: {no: x, capture: {a: {no: x}}}
  get_or_create: {no: x, created: {no: x}}
  append: {no: x}
  history: {no: x}
  read: {no: x}
  sweep: {no: x}
`)
	if err == nil {
		t.Fatal("no error")
	}
	documented := func(word string) bool {
		return regexp.MustCompile("`[^`]*\\b" + regexp.QuoteMeta(word) + "\\b[^`]*`").Match(page)
	}
	count := 0
	for _, match := range legalKeys.FindAllStringSubmatch(err.Error(), -1) {
		for key := range strings.SplitSeq(match[2], ", ") {
			if count++; !documented(key) {
				t.Errorf("docs/http.md has no key %s of %s", key, match[1])
			}
		}
	}
	if count < 80 {
		t.Errorf("%d keys, want at least 80: %v", count, err)
	}
	for _, name := range placeholderNames {
		if !strings.Contains(string(page), "`{"+name+"}") {
			t.Errorf("docs/http.md has no placeholder {%s}", name)
		}
	}
}
