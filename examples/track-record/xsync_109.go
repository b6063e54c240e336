package main

import (
	xsync300 "example.invalid/puzpuzpuz/xsync-3.0.0"
	xsync301 "example.invalid/puzpuzpuz/xsync-3.0.1"
	"github.com/puzpuzpuz/xsync/v3"

	"github.com/sessbench/sessbench/manager"
)

var (
	_ = onMap("xsync-109", "puzpuzpuz/xsync v3.0.0's MapOf finds a session", func() entries {
		return xsyncMapOf{xsync300.NewMapOf[manager.ID, *entry]()}
	})
	_ = onMap("xsync-112", "puzpuzpuz/xsync v3.0.1's MapOf finds a session", func() entries {
		return xsyncMapOf{xsync301.NewMapOf[manager.ID, *entry]()}
	})
	_ = onMap("xsync-112-fixed", "puzpuzpuz/xsync v3.0.2's MapOf finds a session", func() entries {
		return xsyncMapOf{xsync.NewMapOf[manager.ID, *entry]()}
	})
)

// xsyncMapOf is a MapOf of puzpuzpuz/xsync v3.
type xsyncMapOf struct {
	m interface {
		Load(manager.ID) (*entry, bool)
		LoadOrStore(manager.ID, *entry) (*entry, bool)
		Delete(manager.ID)
		Range(func(manager.ID, *entry) bool)
	}
}

func (m xsyncMapOf) load(id manager.ID) (*entry, bool) { return m.m.Load(id) }

func (m xsyncMapOf) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	return m.m.LoadOrStore(id, fresh)
}

func (m xsyncMapOf) remove(id manager.ID) { m.m.Delete(id) }

func (m xsyncMapOf) all(yield func(manager.ID, *entry) bool) { m.m.Range(yield) }
