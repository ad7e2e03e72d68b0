package site_test

import (
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestLearnedText writes what was found out about listings, and reads it back.
func TestLearnedText(t *testing.T) {
	t.Parallel()
	facts := site.Facts{}.
		With(stream.Tasks, func(l *site.Learned) { l.Unsorted = true }).
		With(stream.FooterComments, func(l *site.Learned) { l.Refused, l.Restarts = true, 2 }).
		With(stream.Content, func(l *site.Learned) { l.Split, l.Unsorted = true, true })
	const text = "footer comments:refused,pages and blog posts:split,pages and blog posts:unsorted,tasks:unsorted"
	if got := facts.LearnedText(); got != text {
		t.Errorf("written as %q, want %q", got, text)
	}
	again := site.Facts{}.WithText(text)
	if got := again.LearnedText(); got != text || again.Learned[stream.FooterComments].Restarts != 0 {
		t.Errorf("read as %+v", again.Learned)
	}
	if got := again.WithText("pages:flat,moons:split,,tasks"); got.LearnedText() != text {
		t.Errorf("unknown words gave %+v", got.Learned)
	}
	if got := again.WithText("pages:split").LearnedText(); got == text || again.LearnedText() != text {
		t.Errorf("more words gave %q, and changed what there was to %q", got, again.LearnedText())
	}
}
