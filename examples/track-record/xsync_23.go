package main

import (
	xsync100 "example.invalid/puzpuzpuz/xsync-1.0.0"
	xsync101 "example.invalid/puzpuzpuz/xsync-1.0.1"
	"github.com/puzpuzpuz/xsync"

	"github.com/sessbench/sessbench/manager"
)

var (
	_ = onMap("xsync-23", "puzpuzpuz/xsync v1.0.0's Map finds a session", func() entries { return xsyncMap{xsync100.NewMap()} })
	_ = onMap("xsync-24", "puzpuzpuz/xsync v1.0.1's Map finds a session", func() entries { return xsyncMap{xsync101.NewMap()} })
	_ = onMap("xsync-24-fixed", "puzpuzpuz/xsync v1.0.2's Map finds a session", func() entries { return xsyncMap{xsync.NewMap()} })
)

// xsyncMap is a Map of puzpuzpuz/xsync v1 with the string of an id's 16 bytes as key.
type xsyncMap struct {
	m interface {
		Load(key string) (value any, ok bool)
		LoadOrStore(key string, value any) (actual any, loaded bool)
		Delete(key string)
		Range(f func(key string, value any) bool)
	}
}

func (m xsyncMap) load(id manager.ID) (*entry, bool) {
	v, found := m.m.Load(string(id[:]))
	e, _ := v.(*entry)
	return e, found
}

func (m xsyncMap) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	v, found := m.m.LoadOrStore(string(id[:]), fresh)
	if !found { // v is nil before v1.2.1
		return fresh, false
	}
	return v.(*entry), true
}

func (m xsyncMap) remove(id manager.ID) { m.m.Delete(string(id[:])) }

func (m xsyncMap) all(yield func(manager.ID, *entry) bool) {
	m.m.Range(func(key string, e any) bool { return yield(manager.ID([]byte(key)), e.(*entry)) })
}
