package runner

import (
	"strconv"
	"unsafe"
)

// contents are the messages and fields that users write. Each identifies its writer, so that the audit can check what a store kept
// one by one. All of them are pieces of one text that is made once a run: words of eight bytes, each holding its own number
// in base 36. A piece starts at a word that belongs to its writer and runs on for as long as the tape wants, so that
// writing costs nothing but a slice, and one altered byte shows.
//
// A user's writes cycle through wordsPerUser words, which distinguishes its laps around the tape.
type contents struct{ text string }

const (
	wordSize     = 8
	wordsPerUser = 32
)

// newContents returns contents for users writers of pieces of up to largest bytes.
func newContents(users, largest int) *contents {
	words := users*wordsPerUser + largest/wordSize + 1
	text := make([]byte, words*wordSize)
	var digits []byte
	for i := range words {
		word := text[i*wordSize:][:wordSize]
		copy(word, "#000000 ")
		digits = strconv.AppendUint(digits[:0], uint64(i), 36)
		copy(word[wordSize-1-len(digits):], digits)
	}
	return &contents{string(text)}
}

// piece is the text that starts at word, of size bytes but at least one word.
func (c *contents) piece(word uint32, size int) string {
	at := int(word) * wordSize
	return c.text[at : at+max(size, wordSize)]
}

// word is the word that piece starts at. ok is false if piece was not made from c, or was altered. A piece that a store kept
// by reference is recognized by its address, without reading it.
func (c *contents) word(piece string) (word uint32, ok bool) {
	at := uintptr(unsafe.Pointer(unsafe.StringData(piece))) - uintptr(unsafe.Pointer(unsafe.StringData(c.text)))
	if at < uintptr(len(c.text)) && at%wordSize == 0 && len(piece) >= wordSize {
		return uint32(at / wordSize), true
	}
	return c.read(piece)
}

// read finds the word by reading the piece.
func (c *contents) read(piece string) (word uint32, ok bool) {
	if len(piece) < wordSize || piece[0] != '#' {
		return 0, false
	}
	n, err := strconv.ParseUint(piece[1:wordSize-1], 36, 32)
	at := int(n) * wordSize
	if err != nil || at+len(piece) > len(c.text) {
		return 0, false
	}
	return uint32(n), c.text[at:at+len(piece)] == piece
}

// writer is the user that a word belongs to.
func writer(word uint32) int { return int(word / wordsPerUser) }
