package main

import (
	"github.com/hashicorp/golang-lru/v2"
	"github.com/jellydator/ttlcache/v3"
	"github.com/maypok86/otter/v2"
	"github.com/mhmtszr/concurrent-swiss-map"
	"github.com/patrickmn/go-cache"
	xsync4 "github.com/puzpuzpuz/xsync/v4"

	"github.com/sessbench/sessbench/manager"
)

// Current versions of maps and caches, in which no bug is known that a session store could meet.
var (
	_ = onMap("go-cache-control", "patrickmn/go-cache v2.1.0 finds a session", func() entries {
		return goCache{cache.New(cache.NoExpiration, 0)}
	})
	_ = onMap("lru-control", "hashicorp/golang-lru v2.0.7, with room for all sessions, finds a session", func() entries {
		m, _ := lru.New[manager.ID, *entry](1 << 20)
		return lruCache{m}
	})
	_ = onMap("otter-control", "maypok86/otter v2.4.0 finds a session", func() entries {
		return otterCache{otter.Must(&otter.Options[manager.ID, *entry]{})}
	})
	_ = onMap("swiss-map-control", "mhmtszr/concurrent-swiss-map v1.0.9 finds a session", func() entries {
		return swissMap{csmap.New[string, *entry]()}
	})
	_ = onMap("ttlcache-control", "jellydator/ttlcache v3.4.1 finds a session", func() entries {
		return ttlCache{ttlcache.New[manager.ID, *entry]()}
	})
	_ = onMap("xsync-control", "puzpuzpuz/xsync v4.5.0's Map finds a session", func() entries {
		return xsyncMapOf{xsync4.NewMap[manager.ID, *entry]()}
	})
)

type goCache struct{ m *cache.Cache }

func (m goCache) load(id manager.ID) (*entry, bool) {
	v, found := m.m.Get(string(id[:]))
	e, _ := v.(*entry)
	return e, found
}

// loadOrStore tries again where another goroutine removes the entry between Add and Get.
func (m goCache) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	for {
		if m.m.Add(string(id[:]), fresh, cache.NoExpiration) == nil {
			return fresh, false
		}
		if e, found := m.load(id); found {
			return e, true
		}
	}
}

func (m goCache) remove(id manager.ID) { m.m.Delete(string(id[:])) }

func (m goCache) all(yield func(manager.ID, *entry) bool) {
	for key, item := range m.m.Items() { // of a copy
		if !yield(manager.ID([]byte(key)), item.Object.(*entry)) {
			return
		}
	}
}

type lruCache struct {
	m *lru.Cache[manager.ID, *entry]
}

func (m lruCache) load(id manager.ID) (*entry, bool) { return m.m.Get(id) }

func (m lruCache) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	e, found, _ := m.m.PeekOrAdd(id, fresh)
	if !found {
		return fresh, false
	}
	return e, true
}

func (m lruCache) remove(id manager.ID) { m.m.Remove(id) }

func (m lruCache) all(yield func(manager.ID, *entry) bool) {
	for _, id := range m.m.Keys() { // of a copy
		if e, found := m.m.Peek(id); found && !yield(id, e) {
			return
		}
	}
}

type otterCache struct {
	m *otter.Cache[manager.ID, *entry]
}

func (m otterCache) load(id manager.ID) (*entry, bool) { return m.m.GetIfPresent(id) }

func (m otterCache) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	e, stored := m.m.SetIfAbsent(id, fresh)
	return e, !stored
}

func (m otterCache) remove(id manager.ID) { m.m.Invalidate(id) }

func (m otterCache) all(yield func(manager.ID, *entry) bool) { m.m.All()(yield) }

type swissMap struct{ m *csmap.CsMap[string, *entry] }

func (m swissMap) load(id manager.ID) (*entry, bool) { return m.m.Load(string(id[:])) }

func (m swissMap) loadOrStore(id manager.ID, fresh *entry) (actual *entry, found bool) {
	m.m.SetIf(string(id[:]), func(previous *entry, exists bool) (*entry, bool) {
		actual, found = fresh, exists
		if exists {
			actual = previous
		}
		return fresh, !exists
	})
	return actual, found
}

func (m swissMap) remove(id manager.ID) { m.m.Delete(string(id[:])) }

// all yields the entries of a copy, because Range's goroutines hold a lock while they wait for its caller.
func (m swissMap) all(yield func(manager.ID, *entry) bool) {
	found := map[manager.ID]*entry{}
	m.m.Range(func(key string, e *entry) (stop bool) {
		found[manager.ID([]byte(key))] = e
		return false
	})
	for id, e := range found {
		if !yield(id, e) {
			return
		}
	}
}

type ttlCache struct {
	m *ttlcache.Cache[manager.ID, *entry]
}

func (m ttlCache) load(id manager.ID) (*entry, bool) {
	item := m.m.Get(id)
	if item == nil {
		return nil, false
	}
	return item.Value(), true
}

func (m ttlCache) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	item, found := m.m.GetOrSet(id, fresh)
	return item.Value(), found
}

func (m ttlCache) remove(id manager.ID) { m.m.Delete(id) }

func (m ttlCache) all(yield func(manager.ID, *entry) bool) {
	for id, item := range m.m.Items() { // of a copy
		if !yield(id, item.Value()) {
			return
		}
	}
}
