// Sessbench-peers is a build of sessbench with session stores on public maps and caches, for a comparison with the strategies of
// this repository:
//
//	go build -o sessbench-peers . && ./sessbench-peers run -S xsync,xsync-mutex,otter --hold 0
package main

import (
	"os"

	"github.com/sessbench/sessbench/cmd"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

func main() {
	var options []cmd.Option
	for _, p := range peers {
		options = append(options, cmd.WithStore(p.strategy()))
	}
	os.Exit(cmd.Main(options...))
}

// peer is a store of this directory.
type peer struct {
	name, description string
	guarantees        manager.Guarantees
	open              func() manager.SessionStore[manager.Session]
}

// perSession is what a store with a mutex in each session guarantees.
var perSession = manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true}

var peers = []peer{
	{
		"xsync-mutex", "puzpuzpuz/xsync's Map finds a session; a mutex in each session",
		perSession, newXsyncMutex,
	},
	{
		"xsync-compute", "each use of a session runs in Compute of puzpuzpuz/xsync's Map, with a bucket locked, for ever after runtime.Goexit",
		manager.Guarantees{Blocks: manager.BlocksShard, ExclusiveUpdates: true}, newXsyncCompute,
	},
	{
		"otter", "maypok86/otter v2 without eviction finds a session; a mutex in each session",
		perSession, newOtter,
	},
	{
		"sync-map-mutex", "sync.Map finds a session; a mutex in each session",
		perSession, newSyncMap,
	},
	{
		"sharded-rwmutex", "256 maps, each under an RWMutex that is held to find a session; a mutex in each session",
		perSession, newSharded,
	},
	{
		"haxmap", "alphadose/haxmap finds a session, though not always while it grows, and may create it twice; a mutex in each session",
		perSession, newHaxmap,
	},
	{
		"orcaman", "orcaman/concurrent-map, 32 maps under RWMutexes, finds a session; a mutex in each session",
		perSession, newOrcaman,
	},
	{
		"scs", "alexedwards/scs memstore: a use decodes the session (JSON in gob), an update commits it whole; no lock in between",
		manager.Guarantees{Blocks: manager.BlocksWriters, Rollback: true}, newScs,
	},
}

func (p peer) strategy() strategies.Strategy {
	return strategies.Strategy{
		Name:        p.name,
		Description: p.description,
		Guarantees:  p.guarantees,
		Open:        func(strategies.Values) (manager.SessionStore[manager.Session], error) { return p.open(), nil },
	}
}
