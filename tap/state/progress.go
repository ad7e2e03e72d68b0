package state

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
)

// Stage is how far a sync got with a stream.
type Stage string

const (
	// Unread streams begin at their beginning, or at their bookmark.
	Unread Stage = ""
	// Done streams were read to their end. Of incremental ones it only says that the sync has
	// nothing left to do; a further run reads on from the bookmark.
	Done Stage = "done"
	// Failed streams failed while the sync went on without them.
	Failed Stage = "failed"
	// Underway streams were interrupted at a position.
	Underway Stage = "at"
)

// Progress is how far a sync got with a stream. In a state it is one text: nothing, or the
// stage, a hash, and for Underway the position as a query string.
type Progress struct {
	Stage Stage
	// Hash stands for everything that decides which rows come. Progress with another hash
	// than the reader's counts as Unread.
	Hash string
	// At is the position of a stream that is Underway.
	At Position
}

// Position is how far the reading of a listing got: everything that its rows up to there give
// the stream, children included, is written.
type Position struct {
	// List names the one of the walk's lists that was being read.
	List string
	// Key is the sort key up to which rows are finished, empty for none. Rows with this key
	// may be unfinished.
	Key string
	// Cursor asks for the page that holds the next row, empty for the list's first page.
	Cursor string
	// Fresh reports whether no row of that page is finished, whatever its key.
	Fresh bool
	// Order is the order in which the list was read.
	Order string
	// Began is the site's time at which the reading of an incremental list began, and Newest
	// the newest change seen since; zero if unknown.
	Began, Newest time.Time
	// Failed reports whether a parent has failed so far.
	Failed bool
	// Walk names the reading that came to this position, and Step counts its positions. Of two
	// positions of one walk, the one with the lower step was told earlier, whatever their keys are.
	Walk string
	Step int
	// Sampling reports whether the walk was still reading what its audits compare with. A run that goes
	// on there leaves them out, so that each second run at least gets further.
	Sampling bool
	// Learned is what the sync found out about the site's listings; it decides which lists are read.
	Learned string
}

// Begun reports whether anything is behind the position in its list.
func (p Position) Begun() bool { return p.Key != "" || p.Cursor != "" || p.Fresh }

// String returns the text that a state holds.
func (p Progress) String() string {
	if p.Stage == Unread {
		return ""
	}
	text := string(p.Stage) + " " + p.Hash
	if p.Stage == Underway {
		text += " " + p.At.encode()
	}
	return text
}

func (p Position) encode() string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("list", p.List)
	set("key", p.Key)
	set("cursor", p.Cursor)
	set("order", p.Order)
	set("began", format(p.Began))
	set("newest", format(p.Newest))
	set("fresh", flag(p.Fresh))
	set("failed", flag(p.Failed))
	set("walk", p.Walk)
	if p.Step > 0 {
		set("step", strconv.Itoa(p.Step))
	}
	set("sampling", flag(p.Sampling))
	set("learned", p.Learned)
	return q.Encode()
}

func flag(set bool) string {
	if set {
		return "1"
	}
	return ""
}

// format returns a time as text, empty for the zero time.
func format(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timestamp.Format(t)
}

// ParseProgress reads the text of a state. The error says what is wrong with it.
func ParseProgress(text string) (Progress, error) {
	if text == "" {
		return Progress{}, nil
	}
	stage, rest, _ := strings.Cut(text, " ")
	hash, position, _ := strings.Cut(rest, " ")
	p := Progress{Stage: Stage(stage), Hash: hash}
	switch {
	case p.Stage != Done && p.Stage != Failed && p.Stage != Underway, hash == "":
		return Progress{}, fmt.Errorf("progress is unreadable: %s", clip(text))
	case p.Stage != Underway && position != "":
		return Progress{}, fmt.Errorf("progress has too much text: %s", clip(text))
	case p.Stage == Underway:
		var err error
		if p.At, err = decode(position); err != nil {
			return Progress{}, fmt.Errorf("progress holds no position: %w: %s", err, clip(text))
		}
	}
	return p, nil
}

func decode(text string) (Position, error) {
	q, err := url.ParseQuery(text)
	if err != nil {
		return Position{}, errors.New("its escapes are broken")
	}
	p := Position{
		List: q.Get("list"), Key: q.Get("key"), Cursor: q.Get("cursor"), Order: q.Get("order"),
		Fresh: q.Get("fresh") == "1", Failed: q.Get("failed") == "1", Sampling: q.Get("sampling") == "1",
		Walk: q.Get("walk"), Learned: q.Get("learned"),
	}
	if step := q.Get("step"); step != "" {
		if p.Step, err = strconv.Atoi(step); err != nil {
			return Position{}, errors.New("its step is no number")
		}
	}
	if p.Began, err = moment(q.Get("began")); err != nil {
		return Position{}, err
	}
	p.Newest, err = moment(q.Get("newest"))
	return p, err
}

// moment reads what format wrote.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return timestamp.Parse(text)
}

func clip(s string) string {
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return fmt.Sprintf("%q", s)
}
