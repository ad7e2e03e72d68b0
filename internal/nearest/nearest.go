// Package nearest finds the name that somebody probably meant.
package nearest

import "strings"

// Name returns the candidate that differs least from name, or "" if none is close enough
// to be a slip of the hand: at most two letters, and less than half of the candidate.
// Case does not count. Of equally close candidates the first one is returned.
func Name(name string, candidates []string) string {
	name = strings.ToLower(name)
	best, bound := "", 3
	for _, candidate := range candidates {
		if d := distance(name, strings.ToLower(candidate), bound); d < min(bound, (len(candidate)+1)/2) {
			best, bound = candidate, d
		}
	}
	return best
}

// distance is the number of single-byte edits that turn a into b (Levenshtein), or bound
// if their lengths alone tell that it is not less.
func distance(a, b string, bound int) int {
	if len(a)-len(b) >= bound || len(b)-len(a) >= bound {
		return bound
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
