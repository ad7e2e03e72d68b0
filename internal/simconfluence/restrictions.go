package simconfluence

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// restrictable are the operations that a page or post can be restricted for.
var restrictable = [...]string{"read", "update"}

// restrictionMax is the number of users, and of groups, that an answer holds at most.
const restrictionMax = 100

// restricted reports whether a page or post is restricted: one of ten, and half of the pages
// below a restricted one.
func (s *Site) restricted(k Kind, i int) bool {
	if s.opts.Readable && k == Page && i < s.first[Space] { // a homepage would close its space
		return false
	}
	if i < 0 || k == Page && i == 1 && s.opts.Restrictions > 0 {
		return i >= 0
	}
	h := s.h(k, i, saltRestrict)
	if draw(h, 10) == 0 || i == 2 {
		return true
	}
	if spaces := s.first[Space]; k == Page && i >= spaces {
		return draw(mix(h), 2) == 0 && s.restricted(Page, (i/spaces-1)/4*spaces+i%spaces)
	}
	return false
}

// restriction returns the accounts and groups that may do something with a page or post, none
// if everybody may who may in its space.
func (s *Site) restriction(k Kind, i int, op string) (people, groups []int) {
	if !s.restricted(k, i) {
		return nil, nil
	}
	h := mix(s.h(k, i, saltRestrict) + uint64(len(op)))
	n := 1 + draw(h, 3)
	if k == Page && i == 1 && op == "read" && s.opts.Restrictions > 0 {
		n = s.opts.Restrictions
	}
	if op == "update" && draw(mix(h), 3) == 0 {
		return nil, nil
	}
	from := draw(mix(h), s.users)
	for j := range min(n, s.users) {
		people = append(people, (from+j)%s.users)
	}
	if all := s.first[Group]; all > 0 {
		for j := range min(draw(mix(h+1), 3), all) {
			groups = append(groups, (from+j)%all)
		}
	}
	if all := s.first[Group]; all > 0 && draw(mix(h+2), 4) == 0 && n < 4 {
		return nil, []int{from % all} // groups alone
	}
	return people, groups
}

// restrictionBlock appends what version 1 says of one operation: a page of each list.
func (rq *request) restrictionBlock(b []byte, k Kind, i int, op string, start, limit int) []byte {
	people, groups := rq.restriction(k, i, op)
	groups = slices.DeleteFunc(groups, func(g int) bool { return rq.gone(Group, g) })
	b = append(append(b, `{"operation":"`...), op...)
	b = append(b, `","restrictions":{"user":`...)
	b = rq.principals(b, len(people), start, limit, func(b []byte, p int) []byte { return rq.userV1(b, people[p]) })
	b = append(b, `,"group":`...)
	b = rq.principals(b, len(groups), start, limit, func(b []byte, p int) []byte { return rq.row(b, Group, groups[p], shape{}) })
	b = append(b, `,"_expandable":{}},"_expandable":{"content":"/rest/api/content/`...)
	b = rq.appendID(b, k, i)
	b = append(rq.appendID(append(b, `"},"_links":{"self":"/rest/api/content/`...), k, i), `/restriction/byOperation/`...)
	return append(append(b, op...), `"}}`...)
}

// principals appends a page of a list of users or groups.
func (rq *request) principals(b []byte, n, start, limit int, row func(b []byte, p int) []byte) []byte {
	from := min(start, n)
	to := min(from+limit, n)
	b = append(b, `{"results":[`...)
	for p := from; p < to; p++ {
		if p > from {
			b = append(b, ',')
		}
		b = row(b, p)
	}
	if rq.quirks.RestrictionsNoSize {
		return append(b, `]}`...)
	}
	return fmt.Appendf(b, `],"start":%d,"limit":%d,"size":%d}`, start, limit, to-from)
}

// restrictedItem finds the page or post in the path; it answers 404 if there is none.
func (rq *request) restrictedItem() (Kind, int, bool) {
	for _, k := range [...]Kind{Page, BlogPost} {
		if i, ok := rq.find(k, rq.id); ok && rq.open(k, i) && rq.mayRead(k, i) {
			return k, i, true
		}
	}
	rq.v1NotFound("No content found with id: ContentId{id=" + rq.id + "}")
	return 0, 0, false
}

// byOperation answers who may do what with a page or post.
func (rq *request) byOperation() {
	k, i, ok := rq.restrictedItem()
	if !ok {
		return
	}
	for p, op := range restrictable {
		rq.b = append(rq.b, [...]string{`{"`, `,"`}[p]...)
		rq.b = append(append(rq.b, op...), `":`...)
		rq.b = rq.restrictionBlock(rq.b, k, i, op, 0, restrictionMax)
	}
	rq.b = append(append(append(rq.b, `,"_links":{"self":"`...), rq.path...), `"}}`...)
	rq.send(http.StatusOK, rq.b)
}

// oneOperation answers who may do one thing with a page or post, from an offset on.
func (rq *request) oneOperation() {
	k, i, ok := rq.restrictedItem()
	if !ok {
		return
	}
	start, _ := strconv.Atoi(rq.param("start")) // checked against the facts
	limit, _ := strconv.Atoi(rq.param("limit"))
	rq.b = rq.restrictionBlock(rq.b, k, i, rq.path[strings.LastIndex(rq.path, "/")+1:], start, min(limit, restrictionMax))
	rq.send(http.StatusOK, rq.b)
}

// contentSearchMax is the number of hits that an answer with expansions holds at most.
const contentSearchMax = 100

// contentSearch answers the search for content, with the restrictions if they are asked for.
func (rq *request) contentSearch() {
	q, start, ok := rq.question(contentSearchMax)
	if !ok {
		return
	}
	expand := rq.values("expand")
	total, size := 0, 0
	rq.b = append(rq.b, `{"results":[`...)
	rq.found(q.cql, func(k Kind, i int, name string) {
		if k == Page && rq.status(k, i) == archived {
			return
		}
		if total++; total <= start || size >= q.size {
			return
		}
		if size++; size > 1 {
			rq.b = append(rq.b, ',')
		}
		rq.contentHit(k, i, name, expand)
	})
	rq.b = fmt.Appendf(rq.b, `],"start":0,"limit":%d,"size":%d,"_links":{"base":"%s/wiki","context":"/wiki","self":"%s%s"`,
		q.limit, size, rq.base, rq.base, rq.path)
	rq.searchNext("/rest/api/content/search", q, start+size, total)
	rq.b = append(rq.b, "}}"...)
	rq.send(http.StatusOK, rq.b)
}

// contentHit appends one result of a search for content.
func (rq *request) contentHit(k Kind, i int, name string, expand []string) {
	rq.b = rq.appendID(append(rq.b, `{"id":"`...), k, i)
	rq.b = append(append(append(rq.b, `","type":"`...), name...), `","status":"current","title":"`...)
	rq.b = append(rq.appendTitle(rq.b, k, i), '"')
	if (k == Page || k == BlogPost) && slices.ContainsFunc(expand, func(e string) bool { return strings.HasPrefix(e, "restrictions.") }) &&
		!(rq.quirks.NoExpansion && draw(rq.h(k, i, saltRestrict), 3) == 0) {
		rq.b = append(rq.b, `,"restrictions":{`...)
		for _, op := range restrictable {
			if slices.ContainsFunc(expand, func(e string) bool { return strings.HasPrefix(e, "restrictions."+op) }) {
				rq.b = append(append(append(rq.b, '"'), op...), `":`...)
				rq.b = append(rq.restrictionBlock(rq.b, k, i, op, 0, restrictionMax), ',')
			}
		}
		rq.b = append(rq.b, `"_expandable":{},"_links":{}}`...)
	}
	rq.b = rq.appendWebUI(append(rq.b, `,"_expandable":{"body":"","version":""},"_links":{"webui":"`...), k, i)
	rq.b = append(rq.b, `"}}`...)
}
