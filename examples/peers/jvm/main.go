// Jvm compares strategies of sessbench with ConcurrentHashMap in the JVM, which runs examples/java/Bench.java on the same tape, with
// blocks of both in turn. examples/java/bench.sh builds and runs it.
package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// config is what the flags set.
type config struct {
	java          string        // the JVM and its options, separated by spaces
	classes       string        // directory of the compiled Bench.java
	blocks        int           // measured blocks of each subject
	block, warmUp time.Duration // lengths of a block, and of the unmeasured start of each subject
	strategies    []string
	dir           string // for tapes
}

func main() {
	c := config{}
	flag.StringVar(&c.java, "java", "java", "the JVM with its options")
	flag.StringVar(&c.classes, "classes", ".", "directory of the compiled Bench.java")
	flag.IntVar(&c.blocks, "blocks", 6, "measured blocks of each subject")
	flag.DurationVar(&c.block, "block", 300*time.Millisecond, "length of a block")
	flag.DurationVar(&c.warmUp, "warm-up", 2*time.Second, "unmeasured start of each subject")
	only := flag.String("cells", ".", "regular expression of the names of cells to measure")
	flag.Parse()
	if c.strategies = flag.Args(); len(c.strategies) == 0 {
		c.strategies = []string{"clht", "xsync"}
	}
	if err := run(os.Stdout, c, *only); err != nil {
		fmt.Fprintf(os.Stderr, "jvm: %v\n", err)
		os.Exit(1)
	}
}

func run(out io.Writer, c config, only string) error {
	choice, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp("", "sessbench-jvm-"); err != nil {
		return err
	}
	defer os.RemoveAll(c.dir)
	var all []comparison
	for _, cell := range cells() {
		if !choice.MatchString(cell.name()) {
			continue
		}
		measured, err := c.measure(cell)
		if err != nil {
			return fmt.Errorf("%s: %w", cell.name(), err)
		}
		found := compare(measured, c.strategies)
		writeCell(out, cell, measured, found)
		all = append(all, found...)
	}
	writeMeans(out, c.strategies, all)
	return nil
}

// measure returns the rates of all subjects of a cell.
func (c config) measure(cell cell) (map[string]rates, error) {
	tape := cell.draw()
	path := filepath.Join(c.dir, "tape")
	if err := tape.write(path); err != nil {
		return nil, err
	}
	subjects, names := map[string]subject{}, subjectNames(c.strategies)
	defer func() {
		for _, s := range subjects {
			s.close()
		}
	}()
	for _, name := range names {
		s, err := c.open(name, cell, tape, path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		subjects[name] = s
		if _, err := s.block(c.warmUp); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	found := map[string]rates{}
	order := rand.New(rand.NewPCG(1, 1))
	for range c.blocks {
		order.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			done, err := subjects[name].block(c.block)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			r := found[name]
			r.perSecond = append(r.perSecond, float64(done.ops)/done.took.Seconds())
			r.perCPUSecond = append(r.perCPUSecond, float64(done.ops)/done.cpu.Seconds())
			found[name] = r
		}
	}
	return found, nil
}

// open starts a subject and fills it.
func (c config) open(name string, cell cell, tape *tape, path string) (subject, error) {
	if kind, ok := javaKind(name); ok {
		return startJava(c, kind, cell, path)
	}
	store, err := openStore(name)
	if err != nil {
		return nil, err
	}
	return newLoop(store, cell, tape)
}
