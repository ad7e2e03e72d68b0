package schemas

import "strings"

// FileNames lists the embedded files without their ending, sorted.
func FileNames() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // an embedded directory
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".json")
	}
	return names
}
