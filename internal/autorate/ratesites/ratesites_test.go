package ratesites_test

import (
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/autorate/ratesites"
)

// TestSites: at sites with limits of every kind, nearly all that is allowed is used, few
// requests are refused, and none comes before the time that the site asked to wait for.
func TestSites(t *testing.T) {
	for _, s := range ratesites.All() {
		t.Run(s.Name, func(t *testing.T) {
			run := ratesites.Try(s.Make(), 5, 20, s.Length, s.Length/100)
			refused := float64(run.Refused) / float64(run.Requests)
			t.Logf("%d requests, %.2f%% refused, %.1f%% used, found %.1f a second, %v each", run.Requests, 100*refused, 100*run.Used, run.Found, run.Latency)
			if run.Used < s.Used || refused > s.Refused {
				t.Errorf("%.1f%% used, want %.0f%%; %.2f%% refused, want at most %.1f%%", 100*run.Used, 100*s.Used, 100*refused, 100*s.Refused)
			}
			if run.Early > 0 {
				t.Errorf("%d requests came too early", run.Early)
			}
		})
	}
}
