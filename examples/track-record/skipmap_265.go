package main

import (
	"github.com/bytedance/gopkg/collection/skipmap"

	"github.com/sessbench/sessbench/manager"
)

var _ = onMap("skipmap-265", "bytedance/gopkg v0.1.4's skipmap finds a session", func() entries { return skipMap{skipmap.NewString()} })

// skipMap is the skip list of bytedance/gopkg with the string of an id's 16 bytes as key.
type skipMap struct{ m *skipmap.StringMap }

func (m skipMap) load(id manager.ID) (*entry, bool) {
	v, found := m.m.Load(string(id[:]))
	e, _ := v.(*entry)
	return e, found
}

func (m skipMap) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	v, found := m.m.LoadOrStore(string(id[:]), fresh)
	return v.(*entry), found
}

func (m skipMap) remove(id manager.ID) { m.m.Delete(string(id[:])) }

func (m skipMap) all(yield func(manager.ID, *entry) bool) {
	m.m.Range(func(key string, e any) bool { return yield(manager.ID([]byte(key)), e.(*entry)) })
}
