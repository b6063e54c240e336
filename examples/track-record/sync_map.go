package main

import (
	"sync"

	"github.com/sessbench/sessbench/manager"
)

var _ = onMap("sync-map-control", "sync.Map finds a session", func() entries { return new(syncMap) })

// syncMap is the control of all stores on maps: no violation can be found in it.
type syncMap struct{ m sync.Map }

func (m *syncMap) load(id manager.ID) (*entry, bool) {
	v, found := m.m.Load(id)
	e, _ := v.(*entry)
	return e, found
}

func (m *syncMap) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	v, found := m.m.LoadOrStore(id, fresh)
	return v.(*entry), found
}

func (m *syncMap) remove(id manager.ID) { m.m.Delete(id) }

func (m *syncMap) all(yield func(manager.ID, *entry) bool) {
	m.m.Range(func(id, e any) bool { return yield(id.(manager.ID), e.(*entry)) })
}
