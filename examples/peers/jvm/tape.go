package main

import (
	"encoding/binary"
	"fmt"
	"os"

	"github.com/sessbench/sessbench/scenarios"
)

// cell is a mix of operations of the scenario chatbot on a number of sessions by a number of users.
type cell struct {
	mix             string
	weights         scenarios.Mix // nil: the visits of the scenario
	sessions, users int
}

func (c cell) name() string {
	return fmt.Sprintf("%s, %d sessions, %d users", c.mix, c.sessions, c.users)
}

// cells are those that are measured.
func cells() (list []cell) {
	for _, users := range []int{2, 100} {
		for _, sessions := range []int{100, 100_000} {
			list = append(list,
				cell{"chatbot", nil, sessions, users},
				cell{"95 % reads", scenarios.Mix{{Op: scenarios.History, Weight: 19}, {Op: scenarios.Append, Weight: 1}}, sessions, users},
				cell{"all appends", scenarios.Mix{{Op: scenarios.Append, Weight: 1}}, sessions, users})
		}
	}
	return list
}

// tape is a scenario's tape for two kinds of operation, each in a word: slot, 24 bits of size, and whether it is a read.
type tape struct {
	ops    []uint64
	starts []int // of each user
	size   int   // of the largest message
}

func slotOf(op uint64) int  { return int(op >> 32) }
func sizeOf(op uint64) int  { return int(op >> 8 & (1<<24 - 1)) }
func isRead(op uint64) bool { return op&1 == 1 }

// draw draws the tape that sessbench draws for the same scenario.
func (c cell) draw() *tape {
	registered, err := scenarios.Lookup(scenarios.Default)
	if err != nil {
		panic(err) // it is registered
	}
	s := *registered
	s.Users, s.Sessions = c.users, c.sessions
	if c.weights != nil {
		s.Visit, s.Mix = nil, c.weights
	}
	drawn := scenarios.Draw(&s, 1)
	t := &tape{size: drawn.MaxSize()}
	for _, op := range drawn.Ops {
		word := uint64(op.Slot())<<32 | uint64(op.Size())<<8
		if op.Op() == scenarios.History {
			word |= 1
		}
		t.ops = append(t.ops, word)
	}
	for u := range c.users {
		t.starts = append(t.starts, drawn.Start(u, c.users))
	}
	return t
}

// write writes the tape for Bench.java: words of 64 bits, most significant byte first. The number of users, where each starts, the
// size of the largest message, and the operations.
func (t *tape) write(path string) error {
	words := []uint64{uint64(len(t.starts))}
	for _, at := range t.starts {
		words = append(words, uint64(at))
	}
	words = append(words, uint64(t.size))
	words = append(words, t.ops...)
	data := make([]byte, 0, 8*len(words))
	for _, w := range words {
		data = binary.BigEndian.AppendUint64(data, w)
	}
	return os.WriteFile(path, data, 0o600)
}
