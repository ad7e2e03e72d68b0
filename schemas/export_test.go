package schemas

// FileNames lists the embedded files without their ending, sorted.
func FileNames() []string { return fileNames() }
