package engine

import (
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/client"
)

// TestRefusedForGood asks nothing more of a route that the site has refused in words, whatever the
// requests under way bring.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	scope, server := &client.Error{Kind: client.KindScope, Status: 401}, &client.Error{Kind: client.KindServer, Status: 500}
	var f failures
	for range alikeMost - 1 {
		f.add(scope)
	}
	if f.refused() {
		t.Error("it is refused too early")
	}
	f.add(scope)
	if !f.refused() {
		t.Error("it is not refused")
	}
	f.succeeded()
	f.add(server)
	if !f.refused() {
		t.Error("a failure of another sort reopens the route")
	}
}
