package main_test

import (
	"fmt"
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
