// Licences fails if a module in the program has a licence that is not on the list of those that permit any use with a notice: a
// module without a licence, or under a copyleft one, cannot be in a binary that users embed in their products.
//
//	go run ./.ci/licences
//
// With -o FILE it also writes the texts of these licences, which packages must contain.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	out := flag.String("o", "", "file for the texts of the licences")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	list, err := modules()
	if err != nil {
		return err
	}
	var refused []error
	var texts strings.Builder
	for _, name := range slices.Sorted(maps.Keys(list)) {
		_, text, err := licenceIn(list[name])
		if err != nil {
			refused = append(refused, fmt.Errorf("%s: %w", name, err))
		}
		fmt.Fprintf(&texts, "%s\n%s\n\n%s\n\n", name, strings.Repeat("=", len(name)), strings.TrimSpace(text))
	}
	if refused != nil || out == "" {
		return errors.Join(refused...)
	}
	return os.WriteFile(out, []byte(texts.String()), 0o644)
}

// modules returns the directories of the modules that the program's packages are in, without its own.
func modules() (map[string]string, error) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}\t{{.Dir}}{{end}}{{end}}", ".").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	list := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if name, dir, ok := strings.Cut(lines.Text(), "\t"); ok {
			list[name] = dir
		}
	}
	if len(list) < 5 {
		return nil, fmt.Errorf("go list found %d modules", len(list))
	}
	return list, nil
}

// permitted are the licences of the list, by a sentence that each of them has and no other. Texts are compared without line ends, quotes
// and case.
var permitted = []struct{ name, sentence string }{
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy of this software"},
	{"BSD", "redistribution and use in source and binary forms, with or without modification, are permitted provided that"},
	{"Apache-2.0", "apache license version 2.0, january 2004"},
	{"MPL-2.0", "mozilla public license, version 2.0"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted"},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted"},
}

var (
	fileName = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)`)
	other    = regexp.MustCompile(`[^a-z0-9.,/]+`)
)

// licenceIn returns the names and the texts of the licences in a directory. Every file that names a licence must hold one of the list.
func licenceIn(dir string) (names, texts string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", "", err
	}
	var found []string
	for _, e := range entries {
		if e.IsDir() || !fileName.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", "", err
		}
		name := classify(string(text))
		if name == "" {
			return "", "", fmt.Errorf("%s is none of the permitted licences", e.Name())
		}
		found = append(found, name)
		texts += string(text) + "\n"
	}
	if found == nil {
		return "", "", fmt.Errorf("no licence in %s", filepath.Base(dir))
	}
	slices.Sort(found)
	return strings.Join(slices.Compact(found), ", "), texts, nil
}

// classify returns the name of the licence in a text; "": none of the list, or another one beside it.
func classify(text string) string {
	text = other.ReplaceAllString(strings.ToLower(text), " ")
	if strings.Contains(text, "gnu general public license") && !strings.Contains(text, "mozilla public license") || strings.Contains(text, "gnu affero") {
		return ""
	}
	for _, l := range permitted {
		if strings.Contains(text, other.ReplaceAllString(l.sentence, " ")) {
			return l.name
		}
	}
	return ""
}
