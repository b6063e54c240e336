package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// java is a JVM that runs Bench.java with one kind of store.
type java struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func startJava(c config, kind string, cell cell, tape string) (subject, error) {
	words := append(strings.Fields(c.java), "-cp", c.classes, "Bench", kind, strconv.Itoa(cell.sessions), tape)
	j := &java{process: exec.Command(words[0], words[1:]...)}
	j.process.Stderr = os.Stderr
	var err error
	if j.in, err = j.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := j.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	j.out = bufio.NewReader(out)
	return j, j.process.Start()
}

// block sends the length in nanoseconds, and reads the number of operations, their time and their processor time.
func (j *java) block(length time.Duration) (b block, err error) {
	if _, err := fmt.Fprintln(j.in, length.Nanoseconds()); err != nil {
		return b, err
	}
	line, err := j.out.ReadString('\n')
	if err != nil {
		return b, fmt.Errorf("the JVM has ended: %w", err)
	}
	if _, err = fmt.Sscan(line, &b.ops, (*int64)(&b.took), (*int64)(&b.cpu)); err != nil {
		err = fmt.Errorf("the JVM's answer %q: %w", line, err)
	}
	return b, err
}

// close ends the JVM, which exits at the end of its input.
func (j *java) close() {
	_ = j.in.Close()
	_ = j.process.Wait()
}
