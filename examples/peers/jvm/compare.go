package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// rates are those of a subject in operations, by block.
type rates struct {
	perSecond    []float64
	perCPUSecond []float64 // per second of processor time, which other programs on the machine disturb less
}

// comparison is a strategy over the faster store of the JVM in one cell.
type comparison struct {
	strategy string
	java     string    // the faster one
	ratios   []float64 // of operations per second, by block
	median   float64
	cpu      float64 // median of the ratios of operations per second of processor time
}

// compare compares block by block.
func compare(of map[string]rates, strategies []string) (list []comparison) {
	java := slices.MaxFunc(javaStores, func(a, b string) int {
		return cmp.Compare(median(of[a].perSecond), median(of[b].perSecond))
	})
	for _, s := range strategies {
		c := comparison{strategy: s, java: java, ratios: quotients(of[s].perSecond, of[java].perSecond)}
		c.median, c.cpu = median(c.ratios), median(quotients(of[s].perCPUSecond, of[java].perCPUSecond))
		list = append(list, c)
	}
	return list
}

func quotients(x, y []float64) (q []float64) {
	for i := range x {
		q = append(q, x[i]/y[i])
	}
	return q
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}

// writeCell prints the median rate of each subject, and the ratio of each strategy in each block.
func writeCell(w io.Writer, c cell, of map[string]rates, found []comparison) {
	fmt.Fprintln(w, c.name())
	for _, name := range subjectNames(strategiesOf(found)) {
		probe := noop
		if _, ok := javaKind(name); ok {
			probe = javaNoop
		}
		fmt.Fprintf(w, "  %-18s %8.3f M/s %8.3f M per CPU second   its no-op %8.3f M/s %8.3f M per CPU second\n", name,
			median(of[name].perSecond)/1e6, median(of[name].perCPUSecond)/1e6,
			median(of[probe].perSecond)/1e6, median(of[probe].perCPUSecond)/1e6)
	}
	for _, f := range found {
		var blocks []string
		for _, r := range f.ratios {
			blocks = append(blocks, fmt.Sprintf("%.2f", r))
		}
		fmt.Fprintf(w, "  %s / %s: %s, median %.3f, per CPU second %.3f%s\n",
			f.strategy, f.java, strings.Join(blocks, " "), f.median, f.cpu, mark(f.median))
	}
	fmt.Fprintln(w)
}

func mark(ratio float64) string {
	if ratio < 1 {
		return "  BELOW 1"
	}
	return ""
}

func strategiesOf(found []comparison) (names []string) {
	for _, f := range found {
		names = append(names, f.strategy)
	}
	return names
}

// writeMeans prints the geometric mean of each strategy over all cells.
func writeMeans(w io.Writer, strategies []string, all []comparison) {
	for _, s := range strategies {
		sum, cpu, n, below := 0.0, 0.0, 0, 0
		for _, c := range all {
			if c.strategy != s {
				continue
			}
			sum, cpu, n = sum+math.Log(c.median), cpu+math.Log(c.cpu), n+1
			if c.median < 1 {
				below++
			}
		}
		if n > 0 {
			fmt.Fprintf(w, "geometric mean of %s over the faster store of the JVM, %d cells, %d of them below 1: %.3f, per CPU second %.3f\n",
				s, n, below, math.Exp(sum/float64(n)), math.Exp(cpu/float64(n)))
		}
	}
}
