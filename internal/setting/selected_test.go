package setting

import (
	"fmt"
	"strings"
	"testing"
)

func TestSelections(t *testing.T) {
	for _, tc := range []struct{ why, text, want string }{
		{"names", "global,cow", "global cow"},
		{"blanks after commas", "global, cow", "global cow"},
		{"one strategy at two settings", "sharded:shards=16,sharded:shards=64", "sharded:shards=16 sharded:shards=64"},
		{"a comma before another setting", "actor:per=shard,shards=4,cow", "actor:per=shard,shards=4 cow"},
		{"the first setting behind a comma", "actor,per=shard", "actor:per=shard"},
		{"an equals sign in a value", "x:k=a=b", "x:k=a=b"},
		{"a setting of nothing", "shards=4", `error: "shards=4": want NAME or NAME:PARAM=VALUE,PARAM=VALUE`},
		{"a colon without a setting", "sharded:", `error: "sharded:": want NAME or NAME:PARAM=VALUE,PARAM=VALUE`},
		{"a setting without a value", "sharded:shards", `error: "sharded:shards": want NAME or NAME:PARAM=VALUE,PARAM=VALUE`},
		{"a setting without a name", "sharded:=4", `error: "sharded:=4": want NAME or NAME:PARAM=VALUE,PARAM=VALUE`},
		{"nothing between commas", "global,,cow", `error: "": want NAME or NAME:PARAM=VALUE,PARAM=VALUE`},
		{"a setting twice", "a:k=1,k=2", `error: "a:k=1,k=2": k is set twice for a`},
		{"settings of all", "all:shards=4", `error: "all:shards=4": all takes no settings: want --param shards=4`},
	} {
		list, err := Selections(tc.text)
		got := fmt.Sprint(list)
		got = strings.Trim(got, "[]")
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tc.want {
			t.Errorf("%s: %q gives %s: want %s", tc.why, tc.text, got, tc.want)
		}
	}
}
