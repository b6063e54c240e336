package audit

import (
	"strconv"
	"unsafe"

	"github.com/sessbench/sessbench/manager"
)

// Contents are the messages and fields that users write. Each identifies its writer, so that the audit can check what a store kept
// one by one. All of them are pieces of one text that is made once per scenario: words of eight bytes, each holding its own number
// in base 36. A piece starts at a word that belongs to its writer and runs on for as long as the tape wants, so that
// writing costs nothing but a slice, and one altered byte shows.
//
// A user's writes cycle through wordsPerUser words, which distinguishes its laps around the tape.
type Contents struct{ text string }

const (
	wordSize     = 8
	wordsPerUser = 32
)

// NewContents returns contents for users writers of pieces of up to largest bytes.
func NewContents(users, largest int) *Contents {
	words := users*wordsPerUser + largest/wordSize + 1
	text := make([]byte, words*wordSize)
	var digits []byte
	for i := range words {
		word := text[i*wordSize:][:wordSize]
		copy(word, "#000000 ")
		digits = strconv.AppendUint(digits[:0], uint64(i), 36)
		copy(word[wordSize-1-len(digits):], digits)
	}
	return &Contents{string(text)}
}

// piece is the text that starts at word, of size bytes but at least one word.
func (c *Contents) piece(word uint32, size int) string {
	at := int(word) * wordSize
	return c.text[at : at+max(size, wordSize)]
}

// Word returns the word that piece starts at. ok is false if piece was not made from c, or was altered. A piece that a store kept
// by reference is recognized by its address, without reading it.
func (c *Contents) Word(piece string) (word uint32, ok bool) {
	at := uintptr(unsafe.Pointer(unsafe.StringData(piece))) - uintptr(unsafe.Pointer(unsafe.StringData(c.text)))
	if at < uintptr(len(c.text)) && at%wordSize == 0 && len(piece) >= wordSize {
		return uint32(at / wordSize), true
	}
	return c.read(piece)
}

// read finds the word by reading the piece.
func (c *Contents) read(piece string) (word uint32, ok bool) {
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

// Writer returns the user that a word belongs to, and the word's number among the user's own.
func Writer(word uint32) (user int, n uint32) { return writer(word), word % wordsPerUser }

// role returns the role of the message that starts at a word: questions and answers alternate.
func role(word uint32) string {
	if word%2 == 0 {
		return "user"
	}
	return "assistant"
}

// Message returns the word that a message starts at. ok is false if no user wrote the message.
func (c *Contents) Message(m *manager.Message) (word uint32, ok bool) {
	word, ok = c.Word(m.Content)
	return word, ok && m.Role == role(word)
}

// Texts is the source of the texts that one user writes.
type Texts struct {
	Last uint32 // word of the last text; before the first one the user's first word

	contents *Contents
	first    uint32 // of the user's words
	n        uint32 // texts
}

// Texts returns the texts of a user.
func (c *Contents) Texts(user int) Texts {
	first := uint32(user) * wordsPerUser
	return Texts{contents: c, first: first, Last: first}
}

// Next returns the next text of size bytes, and the role that belongs to it. Hot path.
func (t *Texts) Next(size int) (speaker, text string) {
	t.Last = t.first + t.n%wordsPerUser
	t.n++
	return role(t.Last), t.contents.piece(t.Last, size)
}
