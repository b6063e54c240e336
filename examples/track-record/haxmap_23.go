package main

import (
	"sync"

	haxmap120 "example.invalid/alphadose/haxmap-1.2.0"
	"github.com/alphadose/haxmap"

	"github.com/sessbench/sessbench/manager"
)

var (
	_ = onMap("haxmap-23", "alphadose/haxmap v1.2.0 finds a session, and Set inserts it", func() entries {
		return &haxMap{m: haxmap120.New[string, *entry]()}
	})
	_ = onMap("haxmap-32", "alphadose/haxmap v1.4.1, with room for all sessions, finds a session, and Set inserts it", func() entries {
		return &haxMap{m: haxmap.New[string, *entry](1 << 12)}
	})
)

// haxMap is an alphadose/haxmap with the string of an id's 16 bytes as key. It inserts by Set, under a mutex, and not by GetOrSet,
// which searches and inserts in two steps, so that two callers may insert one key.
type haxMap struct {
	mu sync.Mutex // held from finding no entry to inserting one
	m  interface {
		Get(key string) (*entry, bool)
		Set(key string, e *entry)
		Del(keys ...string)
		ForEach(func(key string, e *entry) bool)
	}
}

func (m *haxMap) load(id manager.ID) (*entry, bool) { return m.m.Get(string(id[:])) }

func (m *haxMap) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, found := m.load(id); found {
		return e, true
	}
	m.m.Set(string(id[:]), fresh)
	return fresh, false
}

func (m *haxMap) remove(id manager.ID) { m.m.Del(string(id[:])) }

func (m *haxMap) all(yield func(manager.ID, *entry) bool) {
	m.m.ForEach(func(key string, e *entry) bool { return yield(manager.ID([]byte(key)), e) })
}
