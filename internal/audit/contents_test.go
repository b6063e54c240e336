package audit

import (
	"testing"

	"pgregory.net/rapid"
)

func TestPiecesIdentifyTheirWord(t *testing.T) {
	const users, largest = 50, 700
	c := NewContents(users, largest)
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.Uint32Range(0, users*wordsPerUser-1).Draw(t, "word")
		size := rapid.IntRange(0, largest).Draw(t, "size")
		piece := c.piece(word, size)
		if len(piece) != max(size, wordSize) {
			t.Fatalf("%d bytes, want %d", len(piece), size)
		}
		if got, ok := c.Word(piece); !ok || got != word {
			t.Fatalf("word %d, kept by reference, came back as %d, %v", word, got, ok)
		}
		copied := string([]byte(piece)) // as a store does that encodes
		if got, ok := c.Word(copied); !ok || got != word {
			t.Fatalf("word %d came back as %d, %v", word, got, ok)
		}
		altered := []byte(piece)
		altered[rapid.IntRange(0, len(altered)-1).Draw(t, "altered")] ^= 0x01
		// One word alone may turn into another user's; with a second word beside it nothing passes.
		if got, ok := c.Word(string(altered)); ok && (got == word || size >= 2*wordSize) {
			t.Fatalf("an altered piece of word %d passes for word %d", word, got)
		}
	})
}

func TestForeignTextIsRejected(t *testing.T) {
	c := NewContents(2, 100)
	for _, text := range []string{"", "#", "#000000", "hello, world", "#zzzzzz ", "#-00001 ", "#000001 #000003 "} {
		if word, ok := c.Word(text); ok {
			t.Errorf("%q passes for word %d", text, word)
		}
	}
	for _, text := range []string{c.text[:wordSize-1], c.text[1 : 1+wordSize]} { // lies within ours, and is no piece of it
		if word, ok := c.Word(text); ok {
			t.Errorf("%q passes for word %d", text, word)
		}
	}
}
