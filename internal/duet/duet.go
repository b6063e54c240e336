// Package duet measures several programs in turns, a fresh process for each measurement, so that whatever slows the
// machine for a while slows all of them. See L. Bulej, V. Horký, P. Tůma, F. Farquet and A. Prokopec, "Duet Benchmarking:
// Improving Measurement Accuracy in the Cloud", ICPE 2020, which runs them at the same time; here they take turns, for
// the stores under test keep all processors busy.
package duet

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// Arm is one of the programs. Each of its processes prints a result document on stdout: one result with one trial.
type Arm struct {
	Label string
	Path  string
	Env   []string // variables beside those of this process, NAME=VALUE
}

// Row is what one process measures.
type Row struct {
	Label string
	Name  string   // what results call it; empty: as the process does, which knows of no other row
	Args  []string // of the program, its own name not among them
	Turns bool     // the processes of a block are there at the same time and take turns: see together
}

// Config is what to measure.
type Config struct {
	Arms     []Arm
	Rows     []Row
	Blocks   int           // of one sample of each arm for each row
	Seed     uint64        // of the orders
	Patience time.Duration // for one process; 0: DefaultPatience
	Name     string        // what programs are told that they are called, their argument 0
	Progress func(Step)    // called between processes, on the goroutine of Run; may be nil
}

// DefaultPatience is how long a process may take.
const DefaultPatience = 2 * time.Minute

// Step says how far a duet has come.
type Step struct {
	Arm, Row     string // what runs next; empty when a block has just ended. No arm: all of them in turns
	Block        int    // blocks finished
	Done, Trials int    // processes finished, and in all
}

// What is what runs next, empty when a block has just ended.
func (s Step) What() string {
	if s.Arm == "" {
		return s.Row
	}
	return s.Row + ", " + s.Arm
}

// Run measures block by block: in each, row by row, every arm once. It returns a document for each arm, in their order, with a
// result for each row; a trial's Block is the number of its block. Documents have no summaries. The orders of the arms
// are those of [orders]. When ctx ends the process that runs is ended, the documents hold the blocks that were
// finished, with Interrupted set, and ctx's error comes beside them. A process that fails ends the duet with an
// [*Error]. Nothing that Run started is left behind.
func Run(ctx context.Context, cfg Config) ([]*result.Document, error) {
	d := &duet{Config: cfg, docs: make([]*result.Document, len(cfg.Arms))}
	rng := rand.New(rand.NewPCG(cfg.Seed, 0xd0e7))
	plans := make([][][]int, len(cfg.Rows)) // the orders of the arms, for each row and block
	for i := range plans {
		plans[i] = orders(rng, len(cfg.Arms), cfg.Blocks)
	}
	for block := range cfg.Blocks {
		taken := make([][]result.Result, len(cfg.Rows)) // for each row and arm
		for row := range cfg.Rows {
			var err error
			if taken[row], err = d.block(ctx, block, row, plans[row][block]); err == nil {
				continue
			}
			if ctx.Err() == nil {
				return nil, err
			}
			return d.interrupted(), context.Cause(ctx)
		}
		for row := range taken {
			for arm, r := range taken[row] {
				if err := d.keep(arm, row, block, r); err != nil {
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
	runtime.LockOSThread() // on Linux a process dies with the thread that started it
	defer runtime.UnlockOSThread()
	sample := d.oneByOne
	if d.Rows[row].Turns {
		sample = d.together
	}
	before := d.done
	docs, err := sample(ctx, block, d.Rows[row], order)
	if err != nil {
		return nil, err
	}
	taken := make([]result.Result, len(d.Arms))
	for place, i := range order {
		doc := docs[i]
		taken[i] = doc.Results[0]
		taken[i].Trials[0].Order = before + place
		taken[i].Trials[0].Histogram = "" // nobody draws it
		if d.docs[i] == nil {
			d.docs[i] = doc
			d.docs[i].Results = nil
		}
	}
	return taken, nil
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

// keep puts a sample into its arm's document.
func (d *duet) keep(arm, row, block int, r result.Result) error {
	doc := d.docs[arm]
	r.Trials[0].Block = block
	r.Strategy = cmp.Or(d.Rows[row].Name, r.Strategy)
	if row == len(doc.Results) {
		doc.Results = append(doc.Results, r)
		return nil
	}
	known := &doc.Results[row]
	if known.TapeHash != r.TapeHash {
		return fmt.Errorf("%s: %s: the tape is another in block %d than in the first", d.Arms[arm].Label, d.Rows[row].Label, block+1)
	}
	known.Trials = append(known.Trials, r.Trials[0])
	return nil
}

// interrupted is the documents of the arms that have any trial.
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
