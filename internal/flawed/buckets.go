package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

const bucketFound = "bucket found"

var _ = register(Flaw{
	Name:   "bucket-dropped",
	How:    "the deletion of a bucket's last session drops the bucket, while a creation that has found it inserts into it",
	Copies: "opensearch-project/OpenSearch #5827: an empty set of tasks leaves its map while a task is added to the set",
	Open:   on(func(s *correct) store { return bucketed{s, new([256]*bucket)} }),
	Schedule: verify.Schedule{
		{User: userB, Do: history.GetOrCreate, Hold: bucketFound},
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Delete},
		{User: userB},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.LostSession, history.DoubleCreation, history.LostUpdate, history.DeletedRead, history.Resurrection},
})

// bucketed has its sessions in buckets. What is inserted into a bucket that was dropped cannot be found.
type bucketed struct {
	*correct
	buckets *[256]*bucket // protected by mu, as their numbers are; nil: no sessions
}

type bucket struct{ sessions int }

func (s bucketed) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	var found *bucket
	return s.getOrCreate(ctx, id, func() session {
		found = s.bucketOf(id)
		s.Reach(ctx, bucketFound)
		return create()
	}, view, func(e *entry) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.table[id] != nil || s.closed.Load() {
			return false
		}
		if found.sessions++; found == *s.place(id) {
			s.table[id] = e
		}
		return true
	})
}

// place is where the bucket of an id is.
func (s bucketed) place(id manager.ID) **bucket { return &s.buckets[id[0]^id[15]] }

func (s bucketed) bucketOf(id manager.ID) *bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.place(id)
	if *at == nil {
		*at = new(bucket)
	}
	return *at
}

func (s bucketed) Delete(ctx context.Context, id manager.ID) (session, error) {
	last, err := s.correct.Delete(ctx, id)
	if err == nil {
		s.drop(id)
	}
	return last, err
}

func (s bucketed) Sweep(ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) (int, error) {
	return s.correct.Sweep(ctx, expired, func(id manager.ID, last session) {
		s.drop(id)
		if removed != nil {
			removed(id, last)
		}
	})
}

// drop counts a removed session, and drops its bucket if that was the last one.
func (s bucketed) drop(id manager.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.place(id)
	if *at == nil {
		return
	}
	if (*at).sessions--; (*at).sessions <= 0 {
		*at = nil
	}
}
