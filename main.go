// Sessbench measures session stores under concurrency and checks that they lose nothing. See README.md.
package main

import (
	"os"

	"github.com/sessbench/sessbench/cmd"
)

func main() { os.Exit(cmd.Main()) }
