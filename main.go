// Sessbench benchmarks session stores and checks that they are correct under concurrency. See README.md.
package main

import (
	"os"

	"github.com/sessbench/sessbench/cmd"
)

func main() { os.Exit(cmd.Main()) }
