// Table has verify find each bug of the track record, several times with seeds far from each other, and prints a table of how long
// it took. Without arguments it does so for all cases, which takes some minutes, and writes the table into docs/track-record.md; the
// names of cases are those of the files in cases.
//
//	go run ./table [NAME...]
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/examples/track-record/cases"
)

// page is the file with the table, relative to the root of the repository.
const page = "docs/track-record.md"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := record(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "track-record:", err)
		os.Exit(1)
	}
}

func record(ctx context.Context, names []string) error {
	all, err := cases.All()
	if err != nil {
		return err
	}
	chosen := all
	if len(names) > 0 {
		chosen = slices.DeleteFunc(slices.Clone(all), func(c cases.Case) bool { return !slices.Contains(names, c.Name) })
		if len(chosen) < len(names) {
			return fmt.Errorf("%s: want some of %s", strings.Join(names, " "), namesOf(all))
		}
	}
	dir, err := os.MkdirTemp("", "track-record-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs, err := build(ctx, dir)
	if err != nil {
		return err
	}
	var rows []row
	var failed []error
	fmt.Fprintf(os.Stderr, "for each case %d searches of at most %s, and a control: %s\n", len(seeds), budget, namesOf(chosen))
	for i, c := range chosen {
		fmt.Fprintf(os.Stderr, "%s (%d of %d)", c.Name, i+1, len(chosen))
		began := time.Now()
		r, err := programs.measure(ctx, c)
		fmt.Fprintf(os.Stderr, ": %v\n", time.Since(began).Round(time.Second))
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", c.Name, err))
			continue
		}
		rows = append(rows, r)
	}
	text := render(rows)
	fmt.Print(text)
	if failed != nil || len(names) > 0 {
		return errors.Join(failed...)
	}
	file := filepath.Join(programs.root, page)
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	changed, err := replace(string(old), text)
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(file, []byte(changed), 0o644)
}

func namesOf(list []cases.Case) string {
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}
