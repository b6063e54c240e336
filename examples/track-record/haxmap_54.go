package main

import (
	"github.com/alphadose/haxmap"

	"github.com/sessbench/sessbench/manager"
)

var _ = onMap("haxmap-54", "alphadose/haxmap v1.4.1 finds a session, and GetOrSet inserts it", func() entries {
	m := haxmap.New[string, *entry]()
	return haxMapGetOrSet{&haxMap{m: m}, m}
})

// haxMapGetOrSet is haxMap that inserts by GetOrSet.
type haxMapGetOrSet struct {
	*haxMap
	full *haxmap.Map[string, *entry]
}

func (m haxMapGetOrSet) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	return m.full.GetOrSet(string(id[:]), fresh)
}
