// Package setting reads the values of settings.
package setting

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Parser reads a value of type T.
type Parser[T any] struct {
	Kind  string                       // the name of the type in the help
	Words []string                     // the legal values, each with a tab and its description; nil: too many to list
	Read  func(text string) (T, error) // the error names the legal values
}

// Text returns the canonical text of x, which was read from text: 100ms for 0.1s.
func Text(x any, text string) string {
	if d, ok := x.(time.Duration); ok {
		return d.String()
	}
	return text
}

// Duration reads a duration from lo to hi.
func Duration(lo, hi time.Duration) Parser[time.Duration] {
	return Parser[time.Duration]{Kind: "duration", Read: func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d < lo || d > hi {
			return 0, fmt.Errorf("want a duration %sfrom %v to %v", suchAs(text, lo, hi), lo, hi)
		}
		return d, nil
	}}
}

// suchAs proposes a unit for a number without one, where that makes a duration from lo to hi.
func suchAs(number string, lo, hi time.Duration) string {
	for _, unit := range []string{"ms", "s"} {
		if d, err := time.ParseDuration(number + unit); err == nil && lo <= d && d <= hi {
			return "such as " + number + unit + ", "
		}
	}
	return ""
}

// Count reads a whole number from lo to hi.
func Count(lo, hi int) Parser[int] {
	return Parser[int]{Kind: "number", Read: func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < lo || n > hi {
			return 0, fmt.Errorf("want a whole number from %d to %d", lo, hi)
		}
		return n, nil
	}}
}

// Seed reads an unsigned 64-bit number.
func Seed() Parser[uint64] {
	return Parser[uint64]{Kind: "number", Read: func(text string) (uint64, error) {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("want a whole number from 0 to %d", uint64(1<<64-1))
		}
		return n, nil
	}}
}

// OneIn reads how many there are for each chosen one: N of 1/N, up to most, 1 of all, 0 of off.
func OneIn(most int) Parser[int] {
	return Parser[int]{Kind: "share", Read: func(text string) (int, error) {
		switch text {
		case "off", "0":
			return 0, nil
		case "all", "1":
			return 1, nil
		}
		of, found := strings.CutPrefix(text, "1/")
		n, err := strconv.Atoi(of)
		if !found || err != nil || n < 1 || n > most {
			return 0, fmt.Errorf("want off, all or 1/N, with N from 1 to %d", most)
		}
		return n, nil
	}}
}

// Percent reads a percentage above 0 % and below 100 %, as a share of one.
func Percent() Parser[float64] {
	return Parser[float64]{Kind: "share", Read: func(text string) (float64, error) {
		number, ok := strings.CutSuffix(text, "%")
		x, err := strconv.ParseFloat(number, 64)
		if !ok || err != nil || !(x > 0 && x < 100) {
			return 0, errors.New("want a percentage above 0% and below 100%, such as 2.5%")
		}
		return x / 100, nil
	}}
}

// Choice reads one of a few words.
func Choice(words ...string) Parser[string] {
	legal := Names(words)
	return Parser[string]{Kind: "name", Words: words, Read: func(text string) (string, error) {
		if !slices.Contains(legal, text) {
			return "", fmt.Errorf("want one of %s", strings.Join(legal, ", "))
		}
		return text, nil
	}}
}

// Any reads any text.
func Any() Parser[string] {
	return Parser[string]{Kind: "string", Read: func(text string) (string, error) { return text, nil }}
}

// Names returns words without their descriptions.
func Names(words []string) (names []string) {
	for _, word := range words {
		name, _, _ := strings.Cut(word, "\t")
		names = append(names, name)
	}
	return names
}
