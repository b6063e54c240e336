package main

import (
	hashmap "example.invalid/cornelk/hashmap-1.0.1"

	"github.com/sessbench/sessbench/manager"
)

var (
	_ = onMap("hashmap-46", "cornelk/hashmap v1.0.1 finds a session", func() entries { return new(hashmap101) })
	_ = onMap("hashmap-47", "cornelk/hashmap v1.0.1, with room for all sessions, finds a session", func() entries {
		return &hashmap101{*hashmap.New(1 << 12)}
	})
)

// hashmap101 is cornelk/hashmap v1.0.1 with the string of an id's 16 bytes as key.
type hashmap101 struct{ m hashmap.HashMap }

func (m *hashmap101) load(id manager.ID) (*entry, bool) {
	v, found := m.m.GetStringKey(string(id[:]))
	e, _ := v.(*entry)
	return e, found
}

func (m *hashmap101) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	v, found := m.m.GetOrInsert(string(id[:]), fresh)
	return v.(*entry), found
}

func (m *hashmap101) remove(id manager.ID) { m.m.Del(string(id[:])) }

func (m *hashmap101) all(yield func(manager.ID, *entry) bool) {
	more := true
	for item := range m.m.Iter() { // to its end, where its goroutine ends
		more = more && yield(manager.ID([]byte(item.Key.(string))), item.Value.(*entry))
	}
}
