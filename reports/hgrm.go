package reports

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/reports/result"
)

var _ = register(Format{
	Name:      "hgrm",
	Extension: hgrmExtension,
	Doc:       "a directory of percentile distributions in ms, for the plotter of HdrHistogram",
	Write:     writeHgrm,
	Files:     hgrmFiles,
})

const hgrmExtension = ".hgrm"

// hgrmTicks is how many lines a file has for each halving of the distance to 100 %, as in the other tools that write such files.
const hgrmTicks = 5

// writeHgrm writes the files of hgrmFiles one after the other. The plotter skips lines that begin with #.
func writeHgrm(w io.Writer, d *result.Document, _ Options) error {
	files, err := hgrmFiles(d)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := f.Write(w); err != nil {
			return err
		}
	}
	if len(files) == 0 {
		_, err = fmt.Fprintf(w, "%s no histograms\n", outfile.Mark)
	}
	return err
}

// hgrmFiles returns a file for each strategy, scenario and kind of time: the sum of all trials whose audit did not fail. See
// http://hdrhistogram.github.io/HdrHistogram/plotFiles.html.
func hgrmFiles(d *result.Document) (files []outfile.File, err error) {
	taken := map[string]bool{}
	for _, r := range judge.ResultsOf(d) {
		times, err := timesOf(r)
		if err != nil {
			return nil, fmt.Errorf("%s (%s): %w", r.Strategy, r.Scenario, err)
		}
		for _, kind := range slices.Sorted(maps.Keys(times)) {
			h := times[kind]
			if h.TotalCount() == 0 {
				continue
			}
			base := outfile.Name(r.Scenario + "." + r.Strategy + "." + kind) // the kind is not cut
			name := base
			for n := 2; taken[strings.ToLower(name)]; n++ {
				name = fmt.Sprintf("%s-%d", base, n)
			}
			taken[strings.ToLower(name)] = true
			title := fmt.Sprintf("%s %s, %s, %s time in ms\n", outfile.Mark, r.Scenario, r.Strategy, kind)
			files = append(files, outfile.File{Name: name + hgrmExtension, Write: func(w io.Writer) error {
				if _, err := io.WriteString(w, title); err != nil {
					return err
				}
				_, err := h.PercentilesPrint(w, hgrmTicks, 1e6)
				return err
			}})
		}
	}
	return files, nil
}

// timesOf returns the histograms of a result by the kind of time. In a closed loop, the latency of an operation is its service time.
func timesOf(r *result.Result) (map[string]*hdr.Histogram, error) {
	times := map[string]*hdr.Histogram{}
	add := func(kind, text string) error {
		if text == "" {
			return nil
		}
		h, err := result.DecodeWhole(text)
		if err != nil {
			return err
		}
		if times[kind] == nil {
			times[kind] = h
		} else {
			times[kind].Merge(h)
		}
		return nil
	}
	for i := range r.Trials {
		t := &r.Trials[i]
		if t.Failed() {
			continue
		}
		response := "service"
		list := [][2]string{}
		if o := t.OpenLoop; o != nil {
			response = "response"
			list = [][2]string{{"service", o.Service}, {"visit", o.Visit}, {"start", o.Start}}
		}
		list = append(list, [2]string{response, t.Histogram})
		for op, of := range t.Operations {
			list = append(list, [2]string{op + "." + response, of.Histogram}, [2]string{op + ".service", of.Service})
		}
		for _, of := range list {
			if err := add(of[0], of[1]); err != nil {
				return nil, fmt.Errorf("block %d: %s: %w", t.Block+1, of[0], err)
			}
		}
	}
	return times, nil
}
