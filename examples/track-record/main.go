// Sessbench-track-record is a build of sessbench with session stores on versions of public maps and caches that have bugs, which
// verify finds, and on others that have not:
//
//	go run . verify -S hashmap-46 --until any
//
// The directory cases has a file for each bug.
package main

import (
	"os"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/cmd"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

func main() {
	var options []cmd.Option
	for _, s := range stores() {
		options = append(options, cmd.WithStore(s))
	}
	os.Exit(cmd.Main(options...))
}

// catalogue is filled by the register calls of this package before main starts, and not changed afterwards.
var catalogue []strategies.Strategy

// register adds a store that the program of this directory offers.
func register(name, description string, g manager.Guarantees, open func() manager.SessionStore[manager.Session]) string {
	catalogue = append(catalogue, strategies.Strategy{
		Name:        name,
		Description: description,
		Guarantees:  g,
		Open:        func(strategies.Values) (manager.SessionStore[manager.Session], error) { return open(), nil },
	})
	return name
}

// onMap registers a store with a mutex in each session, which it finds through a map.
func onMap(name, description string, empty func() entries) string {
	return register(name, description, manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true},
		func() manager.SessionStore[manager.Session] { return &mapStore{m: empty()} })
}

// stores returns the stores of this directory, sorted by name.
func stores() []strategies.Strategy {
	return slices.SortedFunc(slices.Values(catalogue), func(a, b strategies.Strategy) int { return strings.Compare(a.Name, b.Name) })
}
