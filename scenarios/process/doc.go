// Package process keeps the processes that sessbench starts together with whatever they start themselves, so that none of
// it outlives its end.
package process
