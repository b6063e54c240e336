package goroutine

import (
	"sync"
	"testing"
	"time"
)

func TestStates(t *testing.T) {
	var mu sync.Mutex
	end := make(chan struct{})
	mu.Lock()
	var group sync.WaitGroup
	group.Go(func() { lockIt(&mu) })
	group.Go(func() { receiveIt(end) })
	group.Go(func() { sleepIt(end) })
	want := map[string]bool{"goroutine.lockIt": true, "goroutine.receiveIt": true, "goroutine.sleepIt": false}
	seen := map[string]bool{}
	for len(seen) < len(want) {
		time.Sleep(time.Millisecond)
		for _, g := range All() {
			for function, waits := range want {
				if g.Calls(function) && g.Waits() == waits {
					seen[function] = true
				}
			}
		}
	}
	close(end)
	mu.Unlock()
	group.Wait()
}

func lockIt(mu *sync.Mutex)         { mu.Lock(); defer mu.Unlock() }
func receiveIt(end <-chan struct{}) { <-end }

func sleepIt(end <-chan struct{}) {
	for {
		select {
		case <-end:
			return
		default:
			time.Sleep(time.Millisecond)
		}
	}
}

func TestParse(t *testing.T) {
	g := Parse("goroutine 18 [chan receive, 2 minutes]:\nmain.f(0x1)\n\t/a.go:3 +0x1\ncreated by main.main in goroutine 7\n\t/a.go:9 +0x2")
	if g.ID != "18" || g.State != "chan receive, 2 minutes" || g.Creator != "7" || !g.Waits() || !g.Calls("main.f") || g.Calls("main.main") {
		t.Errorf("parsed %+v", g)
	}
	if g := Parse("goroutine 1 [running]:\nmain.main()"); g.Waits() || g.Creator != "" {
		t.Errorf("parsed %+v", g)
	}
	if g := Parse("goroutine 5 gp=0xc000002380 m=nil [sleep]:\nmain.main()"); g.ID != "5" || g.State != "sleep" || !g.Works() {
		t.Errorf("parsed %+v", g)
	}
}

func TestParseAll(t *testing.T) {
	dump := "SIGQUIT: quit\nPC=0x48 m=0\n\ngoroutine 1 gp=0x1 m=nil [select]:\nmain.main()\n\ngoroutine 2 [running]:\nmain.f()\n\nrax 0x1\n"
	if list := ParseAll(dump); len(list) != 2 || list[0].ID != "1" || !list[0].Waits() || !list[1].Calls("main.f") {
		t.Errorf("parsed %+v", list)
	}
}

func TestFrames(t *testing.T) {
	g := Parse("goroutine 18 [running]:\npanic({0x1, 0x2}?)\n\t/go/panic.go:9 +0x1\nexample.org/a/b.(*T).f(0x1, {0x2})\n\t/b (2)/a.go:3 +0x1f fp=0x8c0 sp=0x8c0 pc=0x11\n" +
		"created by main.main in goroutine 7\n\t/a.go:9 +0x2")
	if got, want := g.Frames("panic("), (Frame{"example.org/a/b.(*T).f", "/b (2)/a.go:3"}); len(got) != 1 || got[0] != want {
		t.Errorf("frames %+v, want only %+v", got, want)
	}
	if got := g.Frames(); len(got) != 2 || got[0].Function != "panic" {
		t.Errorf("all frames %+v, want panic first", got)
	}
}

type named struct{ self Goroutine }

func (n *named) look() { n.self = All()[0] }

func TestName(t *testing.T) {
	var n named
	n.look()
	if name := Name((*named).look); !n.self.Calls(name) || n.self.Calls(Name(TestParse)) {
		t.Errorf("%q is not in\n%s", name, n.self.Text)
	}
}
