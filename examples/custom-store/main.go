// Custom-store is a build of sessbench with an additional store among the strategies:
//
//	go run . list
//	go run . run -S striped,per-session,sharded
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/sessbench/sessbench/cmd"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

func main() { os.Exit(cmd.Main(cmd.WithStore(stripedStrategy()))) }

// guarantees of a striped store: sessbench lists them, and the test checks them.
var guarantees = manager.Guarantees{Blocks: manager.BlocksShard, ExclusiveUpdates: true}

// stripedStrategy describes the store to the command line. Its parameter is set with -p stripes=8.
func stripedStrategy() strategies.Strategy {
	return strategies.Strategy{
		Name:        "striped",
		Description: "sessions in stripes by the first byte of their id; one RWMutex per stripe, shared by readers",
		Guarantees:  guarantees,
		Params: []strategies.Param{{
			Name:    "stripes",
			Default: "32",
			Doc:     "number of stripes",
			Legal:   "a whole number from 1 to 256",
			Check: func(value string) error {
				if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 256 {
					return fmt.Errorf("not a number from 1 to 256")
				}
				return nil
			},
		}},
		Open: func(p strategies.Values) (manager.SessionStore[manager.Session], error) {
			return newStriped[manager.Session](p.Int("stripes")), nil
		},
	}
}
