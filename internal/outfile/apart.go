package outfile

import (
	"fmt"
	"io"
)

// Named is a file that a command reads or writes. Words is its name in errors: the flag with its value, or an argument.
type Named struct{ Words, Path string }

// Apart rejects outputs that would replace an input or one another, through links and different spellings, too. Output streams of
// the process, by name, count as outputs where they go to files.
func Apart(reads, writes []Named, streams map[string]io.Writer) error {
	type known struct {
		words string
		Identity
	}
	var others []known
	add := func(f known, against []known) error {
		for _, other := range against {
			if f.Same(other.Identity) {
				return fmt.Errorf("%s: the same file as %s: want another file", f.words, other.words)
			}
		}
		others = append(others, f)
		return nil
	}
	for _, f := range reads {
		if f.Path != "" {
			_ = add(known{f.Words, Of(f.Path)}, nil)
		}
	}
	inputs := others
	for name, stream := range streams {
		if err := add(known{name, OfStream(stream)}, inputs); err != nil {
			return err
		}
	}
	for _, f := range writes {
		if err := add(known{f.Words, Of(f.Path)}, others); err != nil {
			return err
		}
	}
	return nil
}
