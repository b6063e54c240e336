package goroutine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	never := make(chan struct{})
	var progress atomic.Int64
	w := Watch{Patience: 40 * time.Millisecond, Progress: progress.Load}
	for _, row := range []struct {
		why       string
		stay      func(end <-chan struct{}) // of a goroutine, until end
		suspended func() bool
		want      error
	}{
		{"every goroutine waits for another one", func(end <-chan struct{}) { <-end }, nil, ErrHang},
		{"one waits for a lock that is not released", func(end <-chan struct{}) {
			var mu sync.Mutex
			mu.Lock()
			go func() { <-end; mu.Unlock() }()
			mu.Lock()
		}, nil, ErrHang},
		{"one sleeps", func(end <-chan struct{}) {
			for {
				select {
				case <-end:
					return
				default:
					time.Sleep(time.Millisecond)
				}
			}
		}, nil, ErrUndecided},
		{"from time to time something is completed", func(end <-chan struct{}) {
			for range 200 {
				time.Sleep(5 * time.Millisecond)
				progress.Add(1)
			}
			<-end
		}, nil, context.DeadlineExceeded},
		{"another process has the machine", func(end <-chan struct{}) { <-end }, func() bool { return true }, context.DeadlineExceeded},
	} {
		t.Run(row.why, func(t *testing.T) {
			end := make(chan struct{})
			var stays sync.WaitGroup
			stays.Go(func() { row.stay(end) })
			defer func() { close(end); stays.Wait() }()
			ctx := t.Context()
			if errors.Is(row.want, context.DeadlineExceeded) {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 900*time.Millisecond)
				defer cancel()
			}
			w.Suspended = row.suspended
			if err := w.Await(ctx, never); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
	done := make(chan struct{})
	close(done)
	if err := w.Await(t.Context(), done); err != nil {
		t.Errorf("what is done: %v", err)
	}
}
