// Package absence tests that the tap takes nothing that is missing for a proof that there is
// nothing: whole runs on a simulated site at its worst. It holds no code of its own.
package absence
