package trace

import (
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReopen checks that another process reads the tape that was compiled, in any order.
func TestReopen(t *testing.T) {
	tape := compile(t, many(t), Options{MaxErrors: 1}, 3, t.TempDir())
	defer tape.Close()
	file, name := tape.File()
	if name == "" { // as a process inherits it: a second descriptor of a file without a name
		name = "/dev/fd/" + strconv.Itoa(int(file.Fd()))
	}
	second, err := os.Open(name)
	if err != nil {
		t.Skip(err) // the system has no such names
	}
	index, err := tape.Index()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Reopen(second, index)
	if err != nil {
		t.Fatal(err)
	}
	if again.Hash() != tape.Hash() || again.Counts() != tape.Counts() || again.Users() != tape.Users() {
		t.Errorf("%+v, hash %s, %d users: want %+v, %s, %d", again.Counts(), again.Hash(), again.Users(), tape.Counts(), tape.Hash(), tape.Users())
	}
	for i := range tape.Users() {
		want := drain(t, tape.User(i))
		if len(want) == 0 {
			t.Fatalf("user %d has no operations", i)
		}
		if diff := cmp.Diff(want, drain(t, again.User(i))); diff != "" {
			t.Errorf("user %d: %s", i, diff)
		}
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if drain(t, tape.User(0)) == nil {
		t.Error("the tape is closed with its copy")
	}
}

func TestReopenRejects(t *testing.T) {
	for _, text := range []string{"", "{}", `{"Chunk":1024}`, `{"Chunk":1,"Tracks":[{}]}`} {
		if _, err := Reopen(nil, []byte(text)); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}
