//go:build !race

package child

// RaceDetector: neither this build nor a child has the race detector. Output that looks like its report is none.
const RaceDetector = false
