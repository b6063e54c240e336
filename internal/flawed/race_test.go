//go:build race

package flawed_test

const raceEnabled = true
