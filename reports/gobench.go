package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/perf/benchfmt"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

var _ = register(Format{
	Name:      "gobench",
	Extension: ".bench",
	Doc:       "Go benchmark text, one line per trial, for benchstat -col /strategy",
	Write:     writeGobench,
})

// writeGobench writes Go benchmark text (https://golang.org/design/14313-benchmark-format), one line per trial:
//
//	BenchmarkSession/scenario=chatbot/strategy=sharded/users=100-2 36480 10964.9 ns/op 91200 ops/s 1096491 p50-ns …
//
// The name is followed by the operations of the trial, the time per operation and the metrics that [judge.Compare]
// compares, so that benchstat's columns are those of sessbench compare. The only configuration keys are goos, goarch and
// cpu, because benchstat makes a separate table for each value of a key. Times are in ns, because benchstat scales only ns
// and sec.
//
// A result with a failed audit has no speed and no lines. It is written as go test writes a failed benchmark, which
// readers of the format ignore. A result without trials is omitted.
func writeGobench(w io.Writer, d *result.Document, _ Options) error {
	out := benchfmt.NewWriter(w)
	open := slices.ContainsFunc(judge.ResultsOf(d), func(r *result.Result) bool { return r.Load != "" })
	for _, m := range benchMetrics() {
		if m.Open && !open {
			continue
		}
		if err := writeDirection(out, m); err != nil {
			return err
		}
	}
	for _, r := range judge.ResultsOf(d) {
		name := benchName(r, d.Machine.GOMAXPROCS)
		if r.Failed() {
			if _, err := fmt.Fprintf(w, "--- FAIL: Benchmark%s\n    %s\n", name, sheet.Clean(judge.NoSpeed(r))); err != nil {
				return err
			}
			continue
		}
		for _, line := range benchLines(r, name, benchConfig(&d.Machine)) {
			if err := out.Write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// benchMetrics returns the metrics of a line in order.
func benchMetrics() []*metric.Metric {
	return append([]*metric.Metric{metric.TimePerOp}, metric.Compared()...)
}

// benchUnit is the metric's name in the text. The format has only a unit for it: p50-ns is
// tidied to p50-sec, since a dash separates its words.
func benchUnit(m *metric.Metric) string {
	switch m.Unit {
	case "ns":
		return m.Short() + "-ns"
	case "B":
		return strings.ReplaceAll(m.Title, " ", "-")
	case "share":
		return m.Short()
	}
	return m.Unit
}

// writeDirection writes whether higher is better, unless every reader of the format has it.
func writeDirection(out *benchfmt.Writer, m *metric.Metric) error {
	unit := benchUnit(m)
	if (benchfmt.UnitMetadataMap{}).GetBetter(unit) != 0 {
		return nil
	}
	return out.Write(&benchfmt.UnitMetadata{
		UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: unit, Key: "better"},
		OrigUnit:        unit,
		Value:           m.Better(),
	})
}

// benchConfig describes the machine, as far as known, with the keys of go test.
func benchConfig(m *result.Machine) (list []benchfmt.Config) {
	system, arch, _ := strings.Cut(m.OS, "/")
	for _, c := range [][2]string{{"goos", system}, {"goarch", arch}, {"cpu", m.CPU}} {
		if value := strings.TrimSpace(sheet.Clean(c[1])); value != "" {
			list = append(list, benchfmt.Config{Key: c[0], Value: []byte(value), File: true}) // without File it is not written
		}
	}
	return list
}

// benchName is the name of r's lines without "Benchmark". The number after the dash is
// GOMAXPROCS, omitted if it is 1, as by go test.
func benchName(r *result.Result, procs int) string {
	name := fmt.Sprintf("Session/scenario=%s/strategy=%s/users=%d", namePart(r.Scenario), namePart(r.Strategy), r.Users)
	if procs > 1 {
		name += fmt.Sprintf("-%d", procs)
	}
	return name
}

// namePart escapes text so that it stays within its part of a benchmark's name: slashes,
// blanks, unprintable characters and the percent sign are written as in a URL, so different
// texts stay different.
func namePart(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		part := text[:n]
		if r == '/' || r == '%' || r == ' ' || !unicode.IsPrint(r) {
			part = ""
			for _, c := range []byte(text[:n]) {
				part += fmt.Sprintf("%%%02X", c)
			}
		}
		b.WriteString(part)
		text = text[n:]
	}
	return b.String()
}

// benchLines returns one line per trial. A metric that one trial lacks is omitted from all:
// using only the other trials would be a biased choice.
func benchLines(r *result.Result, name string, config []benchfmt.Config) []*benchfmt.Result {
	lines := make([]*benchfmt.Result, len(r.Trials))
	for i := range r.Trials {
		lines[i] = &benchfmt.Result{Config: config, Name: benchfmt.Name(name), Iters: int(r.Trials[i].Ops)}
	}
	for _, m := range benchMetrics() {
		for i, x := range m.Sample(r) {
			lines[i].Values = append(lines[i].Values, benchfmt.Value{Value: x, Unit: benchUnit(m)})
		}
	}
	return lines
}
