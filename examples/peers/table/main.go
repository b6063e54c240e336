// Table compares the strategies of sessbench with peers. It reads result documents, one for each cell of the comparison, and prints
// the throughput of every row, the ratio of the best strategy to the best peer, and a summary over all cells.
//
//	table chatbot.json churn.json
package main

import (
	"fmt"
	"os"

	"github.com/sessbench/sessbench/reports/result"
)

func main() {
	var cells []*cell
	for _, path := range os.Args[1:] {
		c, err := readCell(path)
		if err != nil {
			fmt.Fprintf(os.Stderr, "table: %s: %v\n", path, err)
			os.Exit(1)
		}
		cells = append(cells, c)
	}
	if len(cells) == 0 {
		fmt.Fprintln(os.Stderr, "table: no documents: want table DOCUMENT.json...")
		os.Exit(2)
	}
	if err := write(os.Stdout, cells); err != nil {
		fmt.Fprintf(os.Stderr, "table: %v\n", err)
		os.Exit(1)
	}
}

func readCell(path string) (*cell, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := result.Read(f)
	if err != nil {
		return nil, err
	}
	return newCell(d)
}
