package main

import (
	"fmt"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/strategies"
)

// cell is one scenario with its settings, measured on strategies, peers and the probe noop.
type cell struct {
	name    string
	rows    []row
	harness blocks // of noop, per second of processor time
	ours    *row   // the strategy of sessbench with the highest median; nil: none passed the audit
	peer    *row   // the peer with the highest median; nil: none passed the audit
}

// row is one strategy or peer in a cell.
type row struct {
	name     string
	ours     bool
	speed    result.Interval // operations per second
	blocks   blocks
	cpu      blocks // operations per second of processor time, which other programs on the machine disturb less
	violated string // why there is no speed; empty: there is one
}

// blocks are the rates of a row by block. Those of one block were measured directly after one another.
type blocks map[int]float64

const probe = "noop"

// newCell reads the document of a run with one scenario.
func newCell(d *result.Document) (*cell, error) {
	c := &cell{}
	for i := range d.Results {
		r := &d.Results[i]
		name := cellName(d, r)
		if c.name != "" && c.name != name {
			return nil, fmt.Errorf("two cells in one document: %s; %s", c.name, name)
		}
		c.name = name
		b, cpu := blocks{}, blocks{}
		for _, t := range r.Trials {
			b[t.Block] = t.OpsPerSec
			if ns := t.Usage.CPUNsPerOp; ns > 0 {
				cpu[t.Block] = 1e9 / ns
			}
		}
		base, _, _ := strings.Cut(r.Strategy, ":")
		if base == probe {
			c.harness = cpu
			continue
		}
		_, ours := strategies.Lookup(base)
		c.rows = append(c.rows, row{r.Strategy, ours, r.Summary.OpsPerSec, b, cpu, violation(r)})
	}
	if c.harness == nil {
		return nil, fmt.Errorf("%s: no row of %s, from which the harness's share follows", c.name, probe)
	}
	c.choose()
	return c, nil
}

func cellName(d *result.Document, r *result.Result) string {
	name := r.Scenario
	if mix := d.Config.Overrides["mix"]; mix != "" {
		name += " " + mix
	}
	if n := d.Config.Settings["prefill"]; n != "" {
		name += ", prefill " + n
	}
	return fmt.Sprintf("%s, %d sessions, %d users", name, r.Sessions, r.Users)
}

// violation is the first violation that the audits of a result found.
func violation(r *result.Result) string {
	for _, t := range r.Trials {
		switch {
		case len(t.Audit.Violations) > 0:
			return t.Audit.Violations[0].Kind
		case t.Failed():
			return "undecided: " + t.Audit.Undecided
		}
	}
	if len(r.Trials) == 0 {
		return "no trial"
	}
	return ""
}

// choose finds the fastest row of each side.
func (c *cell) choose() {
	for i := range c.rows {
		r := &c.rows[i]
		best := &c.peer
		if r.ours {
			best = &c.ours
		}
		if r.violated == "" && (*best == nil || r.speed.Median > (*best).speed.Median) {
			*best = r
		}
	}
}
