//go:build !unix

package runner

// outsideHeap returns memory in the heap: here no other is used.
func outsideHeap(words int) (memory []uint64, free func()) { return make([]uint64, words), func() {} }
