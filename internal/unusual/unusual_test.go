package unusual

import (
	"testing"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
)

// TestStoresKeepTheContract is what makes these stores correct.
func TestStoresKeepTheContract(t *testing.T) {
	if testing.Short() {
		t.Skip("the slow ones take a minute")
	}
	messages := storetest.Probe[session]{
		New:       func() session { return session{} },
		Increment: func(s *session) { s.Append("user", "") },
		Count:     func(s *session) int64 { return int64(s.Seq) },
	}
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			storetest.Run(t, func(t testing.TB) manager.SessionStore[session] {
				store, err := s.Open(nil)
				if err != nil {
					t.Fatal(err)
				}
				return store
			}, s.Guarantees, messages)
		})
	}
}
