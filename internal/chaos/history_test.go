package chaos

import (
	"hash/maphash"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// content is what a row says. Equal rows are the same content.
type content struct {
	text string
	// modified is the time that the stream's replication key tells, zero for none.
	modified time.Time
	// parent is the id of what the row belongs to, empty for nothing.
	parent string
}

// contents makes rows of the site and records of the program comparable, each text once.
type contents struct {
	t     *testing.T
	seed  maphash.Seed
	rows  map[uint64]*content // by the hash of the stream and the site's text
	recs  map[uint64]keyed    // by the hash of the stream and the record's text
	known map[string]*content // by the stream and the canonical text
}

type keyed struct {
	key string
	*content
}

func newContents(t *testing.T) *contents {
	return &contents{t: t, seed: maphash.MakeSeed(), rows: map[uint64]*content{}, recs: map[uint64]keyed{}, known: map[string]*content{}}
}

func (c *contents) hash(name string, text []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	_, _ = h.WriteString(name) // a hash takes everything
	_, _ = h.Write(text)
	return h.Sum64()
}

// row returns the content of a row of the site.
func (c *contents) row(name string, row simconfluence.Row) *content {
	h := c.hash(name+row.Parent, row.Data)
	found, ok := c.rows[h]
	if !ok {
		found = c.of(name, tapfixture.Expected(c.t, name, row))
		c.rows[h] = found
	}
	return found
}

// record returns the key and the content of a record.
func (c *contents) record(name string, text []byte) keyed {
	h := c.hash(name, text)
	found, ok := c.recs[h]
	if !ok {
		fields := tapfixture.Decode(c.t, text)
		found = keyed{tapfixture.Key(c.t, name, fields), c.of(name, fields)}
		c.recs[h] = found
	}
	return found
}

func (c *contents) of(name string, record map[string]any) *content {
	// A link names the space where the page lay when a list showed its comment. The page may move before its
	// space is looked up.
	if links, ok := record["_links"].(map[string]any); ok && stream.Find(name).Listing.Containers != nil {
		delete(links, "webui")
	}
	text := name + " " + tapfixture.Canonical(c.t, name, record)
	found, ok := c.known[text]
	if !ok {
		st := stream.Find(name)
		found = &content{text: text}
		if at, ok := record[st.ReplicationKey].(string); ok {
			found.modified, _ = time.Parse(time.RFC3339, at) // zero for none
		}
		if st.ParentField != "" {
			found.parent, _ = record[st.ParentField].(string)
		}
		c.known[text] = found
	}
	return found
}

// history is what was on the site at each moment of a trial. A moment lasts from one change to
// the next.
type history struct {
	site     *simconfluence.Site
	contents *contents
	streams  []string
	views    map[string]*view
	moments  []time.Time // when each began, by the site's clock
	unplaced []bool      // whether an attachment then lay in custom content that no route shows
}

// view is the site as runs with some settings have to see it.
type view struct {
	options simconfluence.TruthOptions
	tables  map[string]table
}

// table is a stream's rows by key, with the content at each moment: nil where the row was not
// there. A list that is shorter than the history ends with rows that are gone.
type table map[string][]*content

// newHistory begins a history for all views that the runs of a trial have.
func newHistory(t *testing.T, tr *trial, site *simconfluence.Site, c *contents) *history {
	h := &history{site: site, contents: c, views: map[string]*view{}}
	for i := range tr.Runs {
		for _, s := range tr.Runs[i].Streams {
			if !slices.Contains(h.streams, s.Name) {
				h.streams = append(h.streams, s.Name)
			}
		}
		id, o := viewOf(site, &tr.Runs[i].Settings)
		if h.views[id] == nil {
			h.views[id] = &view{options: o, tables: map[string]table{}}
		}
	}
	h.record()
	return h
}

// viewOf returns what the settings let a run see, and a name for it.
func viewOf(site *simconfluence.Site, s *settingsSpec) (string, simconfluence.TruthOptions) {
	o := simconfluence.TruthOptions{Statuses: s.statuses(), BodyFormat: s.Body}
	o.SpaceKeys, o.ExcludeSpaceKeys = keys(site, s.Spaces), keys(site, s.Exclude)
	return strings.Join([]string{strings.Join(o.Statuses, ","), strings.Join(o.SpaceKeys, ","), strings.Join(o.ExcludeSpaceKeys, ","), o.BodyFormat}, " "), o
}

func keys(site *simconfluence.Site, ordinals []int) []string {
	var list []string
	for _, i := range ordinals {
		list = append(list, site.SpaceKey(i))
	}
	return list
}

// record notes what is on the site now.
func (h *history) record() {
	now := len(h.moments)
	h.moments = append(h.moments, h.site.Now())
	h.unplaced = append(h.unplaced, h.hides())
	for _, v := range h.views {
		for _, name := range h.streams {
			rows := v.tables[name]
			if rows == nil {
				rows = table{}
				v.tables[name] = rows
			}
			for row := range h.site.Truth(name, v.options) {
				key := strings.Join(row.Key, "/")
				cells := rows[key]
				for len(cells) < now {
					cells = append(cells, nil)
				}
				rows[key] = append(cells, h.contents.row(name, row))
			}
		}
	}
}

// hides reports whether an attachment lies in custom content that no route shows.
func (h *history) hides() bool {
	shown := map[string]bool{}
	for row := range h.site.Truth("custom_content", simconfluence.TruthOptions{}) {
		shown[row.Key[0]] = true
	}
	for row := range h.site.Truth("attachments", simconfluence.TruthOptions{Statuses: stream.Attachments.Statuses}) {
		in, _ := tapfixture.Decode(h.contents.t, row.Data)["customContentId"].(string)
		if in != "" && !shown[in] {
			return true
		}
	}
	return false
}

// last is the moment that lasts.
func (h *history) last() int { return len(h.moments) - 1 }

// at returns what a key's row said at a moment, nil if it was not there.
func (t table) at(key string, moment int) *content {
	if cells := t[key]; moment < len(cells) {
		return cells[moment]
	}
	return nil
}

// throughout reports whether a row was there at every moment from one to another.
func (t table) throughout(key string, from, to int) bool {
	for m := from; m <= to; m++ {
		if t.at(key, m) == nil {
			return false
		}
	}
	return true
}

// ever reports whether a row was there at any moment from one to another, and said what is asked.
func (t table) ever(key string, c *content, from, to int) (there, same bool) {
	for m := from; m <= to; m++ {
		if at := t.at(key, m); at != nil {
			there = true
			if at == c {
				return true, true
			}
		}
	}
	return there, false
}

// told reports whether one of some contents is what a row said at a moment from one to another:
// where a new version has an older time, times don't tell.
func (t table) told(key string, all []*content, from, to int) bool {
	return slices.ContainsFunc(all, func(c *content) bool {
		_, same := t.ever(key, c, from, to)
		return same
	})
}

// at returns the moment that lasted at a time, the first one for all times before.
func (h *history) at(t time.Time) int {
	later := func(began time.Time) bool { return began.After(t) }
	if i := slices.IndexFunc(h.moments, later); i >= 0 {
		return max(i-1, 0)
	}
	return h.last()
}
