package engine

import (
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// sample decides whether a parent's shortcuts are compared with the plain routes.
func (r *reading) sample(p *parent, row row, atEnd bool) error {
	w := r.walk
	if w.together != nil && together(p.need) > 1 && (w.together.take(p.status) || atEnd) {
		p.audited = true
	}
	if w.first == nil {
		return nil
	}
	for _, f := range w.children {
		if f.stream.Derive != stream.FirstVersion || p.version != 1 || f.plain || f.left.Load() || !w.audits(f) {
			continue
		}
		if !w.first.take(p.status) && !atEnd {
			continue
		}
		it, ok := r.derive(f, row)
		if !ok {
			continue
		}
		it, err := firstItem(it)
		if err != nil {
			return err
		}
		if p.first == nil {
			p.first = map[*feed]item{}
		}
		p.first[f] = it
		r.auditing[p.id] = true
	}
	return nil
}

// together counts the streams that a combined read can serve.
func together(feeds []*feed) int {
	n := 0
	for _, f := range feeds {
		if f.stream.Include != "" && !f.plain {
			n++
		}
	}
	return n
}

// derives says whether a stream's records come from the listing's row alone.
func (r *reading) derives(f *feed, version int) bool {
	switch {
	case f.plain:
		return false
	case f.stream.Derive == stream.ChildOf:
		return true
	case f.stream.Derive == stream.FirstVersion:
		return version == 1
	}
	return false
}

// concerns says whether an incremental child stream wants anything of a parent.
func (f *feed) concerns(row row) bool {
	if !f.sel.Incremental || f.stream.Derive != stream.FirstVersion {
		return true
	}
	t, err := changed("modifiedAt", row)
	return err != nil || !t.Before(f.bookmark)
}

// versionNumber returns version.number, 0 if the row doesn't tell.
func versionNumber(row row) int {
	n := 0
	for _, c := range row.Get("version").Member("number") {
		if c < '0' || c > '9' || n > 1<<30 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// writeDerived writes the records of a child stream that its parents' rows hold.
func (r *reading) writeDerived(f *feed, rows []row) error {
	if r.list.trash || f.plain || f.left.Load() || f.stream.Derive == stream.NotDerived {
		return nil
	}
	var items []item
	for _, row := range rows {
		if id, _ := row.Get("id").Text(); len(r.auditing) > 0 && f.stream.Derive == stream.FirstVersion && r.auditing[id] {
			continue
		}
		if it, ok := r.derive(f, row); ok {
			items = append(items, it)
		}
	}
	return f.write(items, r.since[f])
}

// derive makes the one record that a parent's row holds of a child stream, if it does.
func (r *reading) derive(f *feed, row row) (item, bool) {
	switch f.stream.Derive {
	case stream.ChildOf:
		kind, _ := row.Get("parentType").Text()
		return item{row, record.Source{Derived: true}}, kind == "page" && !row.Get(f.stream.ParentField).IsNull()
	case stream.FirstVersion:
		if versionNumber(row) != 1 || !f.concerns(row) {
			return item{}, false
		}
		version, _ := row.Get("version").Object()
		src := record.Source{Derived: true}
		src.ParentID, _ = row.Get("id").Text()
		src.ParentTitle, _ = row.Get("title").Text()
		return item{version, src}, true
	}
	return item{}, false
}
