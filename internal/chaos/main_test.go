package chaos

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a trial leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
