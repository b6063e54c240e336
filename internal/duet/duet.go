// Package duet measures several programs alternately, each measurement in a new process, so that what slows the machine for
// a while slows all of them. See L. Bulej, V. Horký, P. Tůma, F. Farquet and A. Prokopec, "Duet Benchmarking: Improving
// Measurement Accuracy in the Cloud", ICPE 2020, which runs the programs at the same time. Here they alternate, because the
// stores under test keep all processors busy.
package duet

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// Arm is one of the programs. Each of its processes prints a result document on stdout: one result with one trial.
type Arm struct {
	Label string
	Path  string
	Env   []string // variables in addition to those of this process, NAME=VALUE
}

// Row is what one process measures.
type Row struct {
	Label  string
	Name   string   // the strategy's name in the documents; empty: the one in the process's document
	Args   []string // of the program, without its name
	Sliced bool     // the processes of a block exist at the same time and alternate in time slices: see interleaved

	// Drawn returns further arguments for the processes of a block, which draw their tapes anew. nil: all blocks have the same tape.
	Drawn func(block int) []string
}

// Config is what to measure.
type Config struct {
	Arms     []Arm
	Rows     []Row
	Blocks   int           // number of samples of each arm for each row
	Seed     uint64        // of the orders
	Patience time.Duration // how long one process may take; 0: DefaultPatience
	Name     string        // argument 0 of the programs; empty: their path
	Progress func(Step)    // called between processes, on the goroutine of Run; may be nil
}

// DefaultPatience is how long a process may take.
const DefaultPatience = 2 * time.Minute

// Step is the progress of a duet.
type Step struct {
	Arm, Row     string // what runs next; both empty when a block has just ended; no arm: all of them in time slices
	Block        int    // blocks finished
	Done, Trials int    // processes finished, and in all
}

// Next is what runs next, empty when a block has just ended.
func (s Step) Next() string {
	if s.Arm == "" {
		return s.Row
	}
	return s.Row + ", " + s.Arm
}

// Run measures block by block: in each, row by row, every arm once, in an order drawn for each row and block. It returns one
// document for each arm, with one result for each row; a trial's Block is the number of its block. Documents have no
// summaries. When ctx ends, the running process is killed and Run returns ctx's cause and the documents of the finished
// blocks, with Interrupted set. When a process fails, Run returns an [*Error]. No process outlives Run.
func Run(ctx context.Context, cfg Config) ([]*result.Document, error) {
	d := &duet{Config: cfg, docs: make([]*result.Document, len(cfg.Arms))}
	rng := rand.New(rand.NewPCG(cfg.Seed, 0xd0e7))
	plans := make([][][]int, len(cfg.Rows)) // the orders of the arms, for each row and block
	for i := range plans {
		plans[i] = orders(rng, len(cfg.Arms), cfg.Blocks)
	}
	for block := range cfg.Blocks {
		samples := make([][]result.Result, len(cfg.Rows)) // for each row and arm
		for row := range cfg.Rows {
			var err error
			if samples[row], err = d.block(ctx, block, row, plans[row][block]); err == nil {
				continue
			}
			if ctx.Err() == nil {
				return nil, err
			}
			return d.interrupted(), context.Cause(ctx)
		}
		for row := range samples {
			for arm, r := range samples[row] {
				if err := d.add(arm, row, block, r); err != nil {
					return nil, err
				}
			}
		}
		d.report(Step{Block: block + 1})
	}
	return d.docs, nil
}

type duet struct {
	Config
	docs []*result.Document // nil until an arm's first sample
	done int
}

// block samples every arm once, in this order.
func (d *duet) block(ctx context.Context, block, row int, order []int) ([]result.Result, error) {
	sample := d.oneByOne
	if d.Rows[row].Sliced {
		sample = d.interleaved
	}
	before, of := d.done, d.Rows[row]
	if of.Drawn != nil {
		of.Args = slices.Concat(of.Args, of.Drawn(block))
	}
	docs, err := sample(ctx, block, of, order)
	if err != nil {
		return nil, err
	}
	samples := make([]result.Result, len(d.Arms))
	for place, i := range order {
		doc := docs[i]
		if of.Drawn != nil && block > 0 && doc.Results[0].TapeHash != docs[0].Results[0].TapeHash { // judges compare those of block 1
			return nil, fmt.Errorf("%s: %s: the tape of block %d differs from that of %s", d.Arms[i].Label, of.Label, block+1, d.Arms[0].Label)
		}
		samples[i] = doc.Results[0]
		samples[i].Trials[0].Order = before + place
		samples[i].Trials[0].OmitHistograms() // large, and not drawn
		if d.docs[i] == nil {
			d.docs[i] = doc
			d.docs[i].Results = nil
		}
	}
	return samples, nil
}

// oneByOne samples one arm after the other.
func (d *duet) oneByOne(ctx context.Context, block int, row Row, order []int) ([]*result.Document, error) {
	docs := make([]*result.Document, len(d.Arms))
	for _, i := range order {
		d.report(Step{Arm: d.Arms[i].Label, Row: row.Label, Block: block})
		p, err := d.start(ctx, d.Arms[i], row)
		if err != nil {
			return nil, err
		}
		docs[i], err = p.document()
		p.end()
		if err != nil {
			return nil, err
		}
		d.done++
	}
	return docs, nil
}

// add adds a sample to its arm's document.
func (d *duet) add(arm, row, block int, r result.Result) error {
	doc := d.docs[arm]
	r.Trials[0].Block = block
	r.Strategy = cmp.Or(d.Rows[row].Name, r.Strategy)
	if row == len(doc.Results) {
		doc.Results = append(doc.Results, r)
		return nil
	}
	to := &doc.Results[row]
	if to.TapeHash != r.TapeHash && d.Rows[row].Drawn == nil {
		return fmt.Errorf("%s: %s: the tape of block %d differs from that of block 1",
			d.Arms[arm].Label, d.Rows[row].Label, block+1)
	}
	to.Trials = append(to.Trials, r.Trials[0])
	return nil
}

// interrupted returns the documents of the finished blocks; nil before the first.
func (d *duet) interrupted() []*result.Document {
	for _, doc := range d.docs {
		if doc == nil || len(doc.Results) == 0 {
			return nil
		}
	}
	for _, doc := range d.docs {
		doc.Interrupted = true
	}
	return d.docs
}

func (d *duet) report(s Step) {
	if d.Progress != nil {
		s.Done, s.Trials = d.done, d.Blocks*len(d.Rows)*len(d.Arms)
		d.Progress(s)
	}
}
