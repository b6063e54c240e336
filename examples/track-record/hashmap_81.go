package main

import (
	"github.com/cornelk/hashmap"

	"github.com/sessbench/sessbench/manager"
)

var _ = onMap("hashmap-81", "cornelk/hashmap v1.0.8 finds a session", func() entries {
	return hashmap108{hashmap.New[string, *entry]()}
})

// hashmap108 is cornelk/hashmap v1.0.8 with the string of an id's 16 bytes as key.
type hashmap108 struct{ m *hashmap.Map[string, *entry] }

func (m hashmap108) load(id manager.ID) (*entry, bool) { return m.m.Get(string(id[:])) }

func (m hashmap108) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	return m.m.GetOrInsert(string(id[:]), fresh)
}

func (m hashmap108) remove(id manager.ID) { m.m.Del(string(id[:])) }

func (m hashmap108) all(yield func(manager.ID, *entry) bool) {
	m.m.Range(func(key string, e *entry) bool { return yield(manager.ID([]byte(key)), e) })
}
