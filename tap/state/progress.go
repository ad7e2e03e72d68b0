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
	// Unread streams are read from their beginning, or from their bookmark.
	Unread Stage = ""
	// Done streams were read to their end. An incremental one is read on from its bookmark if
	// another run follows in the same sync.
	Done Stage = "done"
	// Failed streams have failed; the sync reads the others without them.
	Failed Stage = "failed"
	// Underway streams resume at a position.
	Underway Stage = "at"
)

// Progress is how far a sync got with a stream. In a state it is one text: empty, or the stage, a
// hash and, for Underway, the position as a query string.
type Progress struct {
	Stage Stage
	// Hash covers everything that decides which rows come. Progress whose hash differs from the
	// reader's counts as Unread.
	Hash string
	// At is the position of a stream that is Underway.
	At Position
}

// Position is how far the reading of a listing got. Every record that the rows up to there give the
// stream is written, those of children included.
type Position struct {
	// List names the list that was being read. A walk reads one listing, in one or more lists.
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
	// Walk names the walk that came to this position, and Step counts its positions. Of two positions
	// of one walk, the one with the lower step is the earlier one, whatever their keys are.
	Walk string
	Step int
	// Stalled counts the runs in a row that got nowhere from here. The next run reads its first
	// parent alone, and does without audits after two, so that at least every third run makes progress.
	Stalled int
	// Learned is what the sync found out about the site's listings (site.Facts.LearnedText). It decides
	// which lists are read.
	Learned string
}

// Begun reports whether anything is behind the position in its list.
func (p Position) Begun() bool { return p.Key != "" || p.Cursor != "" || p.Fresh }

// String returns the progress as a state's text, which ParseProgress reads.
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
	set("began", timestamp.Text(p.Began))
	set("newest", timestamp.Text(p.Newest))
	set("fresh", flag(p.Fresh))
	set("failed", flag(p.Failed))
	set("walk", p.Walk)
	set("step", count(p.Step))
	set("stalled", count(p.Stalled))
	set("learned", p.Learned)
	return q.Encode()
}

func count(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func flag(set bool) string {
	if set {
		return "1"
	}
	return ""
}

// ParseProgress reads the text that String wrote. The error says what is wrong with it.
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

// number reads a part of a position that count wrote.
func number(q url.Values, name string) (int, error) {
	text := q.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, errors.New("its " + name + " is no number")
	}
	return n, nil
}

func decode(text string) (Position, error) {
	q, err := url.ParseQuery(text)
	if err != nil {
		return Position{}, errors.New("its escapes are broken")
	}
	p := Position{
		List: q.Get("list"), Key: q.Get("key"), Cursor: q.Get("cursor"), Order: q.Get("order"),
		Fresh: q.Get("fresh") == "1", Failed: q.Get("failed") == "1",
		Walk: q.Get("walk"), Learned: q.Get("learned"),
	}
	if p.Step, err = number(q, "step"); err != nil {
		return Position{}, err
	}
	if p.Stalled, err = number(q, "stalled"); err != nil {
		return Position{}, err
	}
	if p.Began, err = moment(q.Get("began")); err != nil {
		return Position{}, err
	}
	p.Newest, err = moment(q.Get("newest"))
	return p, err
}

// moment reads a time that timestamp.Text wrote.
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
