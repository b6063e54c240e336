package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// alpha is the probability with which some cell may be called slower although none is.
const alpha = 0.05

// write prints the rows of each cell and the comparison of all cells.
func write(w io.Writer, cells []*cell) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range cells {
		fmt.Fprintln(out, c.name)
		for _, r := range c.rows {
			side := "peer"
			if r.ours {
				side = "ours"
			}
			if r.violated != "" {
				fmt.Fprintf(out, "  %s\t%s\tno speed: %s\n", r.name, side, r.violated)
				continue
			}
			fmt.Fprintf(out, "  %s\t%s\t%s/s\t[%s, %s]\tharness %.0f %%\n", r.name, side,
				millions(r.speed.Median), millions(r.speed.Lo), millions(r.speed.Hi), 100*r.cpu.over(c.harness).median)
		}
		fmt.Fprintln(out)
	}
	compared := compare(out, cells)
	fmt.Fprintln(out)
	summarize(out, cells, compared)
	return out.Flush()
}

func millions(perSecond float64) string { return fmt.Sprintf("%.3f M", perSecond/1e6) }

// compared is the best strategy over the best peer of a cell.
type compared struct {
	*cell
	ratio
	adjusted float64 // below, by Holm
	cpu      float64 // ratio of the operations per second of processor time
}

// compare prints a line for each cell, and returns those in which both sides have a speed.
func compare(out io.Writer, cells []*cell) (list []compared) {
	var p []float64
	for _, c := range cells {
		if c.ours != nil && c.peer != nil {
			r := c.ours.blocks.over(c.peer.blocks)
			list, p = append(list, compared{cell: c, ratio: r, cpu: c.ours.cpu.over(c.peer.cpu).median}), append(p, r.below)
		}
	}
	fmt.Fprintln(out, "cell\tbest of ours\tbest peer\tratio\t95 % interval\tp of below 1\tp by Holm\tper CPU second\t")
	for i, adjusted := range holm(p) {
		c := &list[i]
		c.adjusted = adjusted
		note := ""
		if adjusted <= alpha {
			note = "BELOW 1"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%.3f\t[%.3f, %.3f]\t%.4f\t%.4f\t%.3f\t%s\n",
			c.name, c.ours.name, c.peer.name, c.median, c.lo, c.hi, c.below, adjusted, c.cpu, note)
	}
	return list
}

// summarize prints the geometric means and the cells that are significantly below 1.
func summarize(out io.Writer, cells []*cell, list []compared) {
	if n := len(cells) - len(list); n > 0 {
		fmt.Fprintf(out, "%d of %d cells are not compared: no strategy or no peer has a speed\n", n, len(cells))
	}
	if len(list) == 0 {
		return
	}
	var ratios, cpu []float64
	var below []string
	attainable := 1.0
	for _, c := range list {
		ratios, cpu = append(ratios, c.median), append(cpu, c.cpu)
		attainable = min(attainable, c.least*float64(len(list)))
		if c.adjusted <= alpha {
			below = append(below, c.name)
		}
	}
	fmt.Fprintf(out, "geometric mean of the best of ours over the best peer, %d cells: %.3f, per CPU second %.3f\n",
		len(list), geometricMean(ratios), geometricMean(cpu))
	for _, name := range names(list) {
		means(out, name, list)
	}
	switch {
	case len(below) > 0:
		fmt.Fprintf(out, "significantly below 1 (Holm, %g): %s\n", alpha, strings.Join(below, "; "))
	case attainable > alpha:
		fmt.Fprintf(out, "too few blocks: with %d cells no p by Holm can be at most %g\n", len(list), alpha)
	default:
		fmt.Fprintf(out, "no cell is significantly below 1 (Holm, %g)\n", alpha)
	}
}

// names are those of our strategies.
func names(list []compared) (found []string) {
	for _, c := range list {
		for _, r := range c.rows {
			if r.ours && !slices.Contains(found, r.name) {
				found = append(found, r.name)
			}
		}
	}
	return found
}

// means prints the geometric mean of one strategy over the best peer of each cell.
func means(out io.Writer, name string, list []compared) {
	var ratios, cpu []float64
	for _, c := range list {
		for _, r := range c.rows {
			if r.name == name && r.violated == "" {
				ratios = append(ratios, r.blocks.over(c.peer.blocks).median)
				cpu = append(cpu, r.cpu.over(c.peer.cpu).median)
			}
		}
	}
	fmt.Fprintf(out, "geometric mean of %s over the best peer, %d cells: %.3f, per CPU second %.3f\n",
		name, len(ratios), geometricMean(ratios), geometricMean(cpu))
}
