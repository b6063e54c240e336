// Vet type-checks packages and their tests from source, and runs the analyzers of go vet on them. Unlike go vet it compiles
// nothing, so it is the cheap way to check the code of other operating systems: GOOS=windows go run ./.ci/vet ./...
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"
	"golang.org/x/tools/go/analysis/suite/vet"
)

func main() { multichecker.Main(vet.Suite...) }
