package tapfixture

import "flag"

// torture is the flag -torture of test binaries that use this package.
var torture = flag.Bool("torture", false, "run all of what a plain go test runs a fast cut of")

// Torture reports whether all of a long test is to run, and not the fast cut that every change
// has to pass. make torture asks for it.
func Torture() bool { return *torture }

// Cut returns how often something is to be done: few times in the fast cut, else often.
func Cut(few, often int) int {
	if Torture() {
		return often
	}
	return few
}
