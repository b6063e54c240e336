package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeExample runs the program that the README shows, which says itself what it prints.
func TestReadmeExample(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllSubmatch(page, -1)
	if len(blocks) != 1 || bytes.Count(page, []byte("```go\n")) != 1 {
		t.Fatalf("%d blocks of Go: want one", len(blocks))
	}
	program := string(blocks[0][1])
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, blocks[0][1], 0o600); err != nil {
		t.Fatal(err)
	}
	_, want, ok := strings.Cut(program, "fmt.Println(created, last.items, err) // ")
	want, _, _ = strings.Cut(want, "\n")
	if got := strings.TrimSpace(output(t, "go", "run", file)); !ok || got != want {
		t.Errorf("it prints %q: want %q", got, want)
	}
	if formatted := output(t, "gofmt", file); formatted != program {
		t.Errorf("not as gofmt writes it: %s", formatted)
	}
}
