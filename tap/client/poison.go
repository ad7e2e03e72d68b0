//go:build !race

package client

// poison says whether buffers are overwritten when they are put back.
const poison = false
