package main

import (
	"slices"
	"strings"
	"time"
)

// subject is a store, in this process or in a JVM, with users that repeat the tape.
type subject interface {
	// block lets all users work for a time. Each continues where the last block has stopped it.
	block(length time.Duration) (block, error)
	close()
}

// block is what all users have done in a block.
type block struct {
	ops  int64
	took time.Duration // until the last user has stopped
	cpu  time.Duration // processor time of the process
}

// Names of subjects.
const (
	noop     = "noop" // no store: the cost of the loop in Go
	javaNoop = javaPrefix + "noop"

	javaPrefix = "java/"
)

// javaStores are the ways in which Bench.java uses a ConcurrentHashMap.
var javaStores = []string{javaPrefix + "compute", javaPrefix + "synchronized"}

// javaKind is the argument of Bench.java for a subject in the JVM.
func javaKind(name string) (kind string, ok bool) { return strings.CutPrefix(name, javaPrefix) }

// subjectNames are the subjects of a cell in the order of the output. Each block has an order of its own.
func subjectNames(strategies []string) []string {
	return slices.Concat([]string{javaNoop}, javaStores, []string{noop}, strategies)
}
