//go:build race

package cmd

// raceDetector says that this build has the race detector, and so has every child.
const raceDetector = true
