package redis

import (
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// TestEmbeddedKeysLiveAsLongAsAsked: a key of the embedded server expires at most maxAge early, whenever it was set.
func TestEmbeddedKeysLiveAsLongAsAsked(t *testing.T) {
	server, err := startEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
	defer client.Close()
	const life = 20 * time.Millisecond
	for i := range 50 {
		set := time.Now()
		if err := client.Set(t.Context(), "key", "value", life).Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(life*6/10 + time.Duration(i%10)*100*time.Microsecond)
		n, err := client.Exists(t.Context(), "key").Result()
		if lived := time.Since(set); err != nil || n == 0 && lived < life-maxAge {
			t.Fatalf("a key that lives for %v is gone after %v (%v)", life, lived, err)
		}
	}
}
