// Package torture holds the tests that break things on purpose: every kind of fault that a
// site and a network have, in virtual time, over the whole program; sites that mean harm;
// sites of a million pages.
//
// A plain go test runs a fast cut. With -torture everything runs, for minutes; -matrix writes
// the matrix of faults to a file:
//
//	go test ./internal/torture -torture -timeout 30m -matrix faults.md
package torture
