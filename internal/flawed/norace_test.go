//go:build !race

package flawed_test

const raceEnabled = false
