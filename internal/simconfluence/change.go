package simconfluence

import (
	"fmt"
	"time"
)

// changed runs a change under the site's lock, a second after the last one, and drops what
// was built from the old state.
func (s *Site) changed(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += 1000
	f()
	s.ixMu.Lock()
	clear(s.index)
	s.ixMu.Unlock()
}

// editOf returns the changes of an item, to be changed. The caller holds s.mu.
func (s *Site) editOf(k Kind, id string) (*edit, error) {
	i, ok := s.find(k, id)
	if !ok {
		return nil, fmt.Errorf("no %s has the id %s", k, id)
	}
	e := s.edits[ref{k, i}]
	if e == nil {
		e = &edit{}
		s.edits[ref{k, i}] = e
	}
	return e, nil
}

// Now returns the site's time.
func (s *Site) Now() time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return time.UnixMilli(s.now).UTC()
}

// Advance moves the site's time.
func (s *Site) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += d.Milliseconds()
}

// Edit makes a new version of an item, with another body, at a time later than anything
// on the site before. The error says that there is no such item.
func (s *Site) Edit(k Kind, id string) error { return s.edit1(k, id, 0) }

// EditAt is Edit with the time of the new version, such as to make several items share one.
func (s *Site) EditAt(k Kind, id string, at time.Time) error { return s.edit1(k, id, at.UnixMilli()) }

func (s *Site) edit1(k Kind, id string, at int64) (err error) {
	s.changed(func() {
		var e *edit
		if e, err = s.editOf(k, id); err == nil {
			if at == 0 {
				at = s.now
			}
			e.times = append(e.times, at)
		}
	})
	return err
}

// SetStatus moves a page, post or attachment into another status: trashed, archived,
// current, deleted. What belongs to it goes with it; the children of a page move up. It
// makes no new version.
func (s *Site) SetStatus(k Kind, id, status string) (err error) {
	s.changed(func() {
		var e *edit
		if e, err = s.editOf(k, id); err == nil {
			e.status = status
		}
	})
	return err
}

// Delete removes an item for good.
func (s *Site) Delete(k Kind, id string) (err error) {
	s.changed(func() {
		var e *edit
		if e, err = s.editOf(k, id); err == nil {
			e.gone = true
		}
	})
	return err
}

// Create makes an item, current, visible and belonging to something that is both, and
// returns its id. Spaces and labels can't be created. It panics if the site has nothing
// that the item could belong to.
func (s *Site) Create(k Kind) (id string) {
	if k == Space || k == Label {
		panic("simconfluence: no " + k.String() + " can be created")
	}
	s.changed(func() {
		for range 10_000 {
			i := s.n[k]
			s.n[k]++
			e := &edit{created: s.now}
			s.edits[ref{k, i}] = e
			if s.open(k, i) && s.status(k, i) == current {
				id = string(s.appendID(nil, k, i))
				return
			}
			e.gone = true
		}
		panic("simconfluence: nothing that a " + k.String() + " could belong to")
	})
	return id
}

// SetLies changes the site's untruths about its shortcuts.
func (s *Site) SetLies(l Lies) { s.changed(func() { s.lies = l }) }

// ExpireCursors makes the site refuse every cursor that it has given out so far.
func (s *Site) ExpireCursors() { s.changed(func() { s.epoch++ }) }
