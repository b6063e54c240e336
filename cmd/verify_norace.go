//go:build !race

package cmd

// raceDetector says that neither this build nor a child has the race detector: what looks like its report is the store's.
const raceDetector = false
