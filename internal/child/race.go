//go:build race

package child

// RaceDetector: this build, and so every child, has the race detector.
const RaceDetector = true
