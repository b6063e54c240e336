//go:build unix

package runner

import (
	"syscall"
	"unsafe"
)

// outsideHeap returns zeroed memory that the garbage collector does not know of, and how to free it. The system provides what is written
// to. Where it refuses, the memory is in the heap.
func outsideHeap(words int) (memory []uint64, free func()) {
	bytes, err := syscall.Mmap(-1, 0, max(1, words)*8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]uint64, words), func() {}
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(bytes))), words), func() { _ = syscall.Munmap(bytes) }
}
