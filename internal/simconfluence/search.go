package simconfluence

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// searched is one kind of content under its name in CQL.
type searched struct {
	name  string
	kinds []Kind
	typ   string // of custom content
}

// searchable lists what a search knows.
func searchable() []searched {
	found := []searched{
		{name: "page", kinds: []Kind{Page}}, {name: "blogpost", kinds: []Kind{BlogPost}},
		{name: "attachment", kinds: []Kind{Attachment}}, {name: "comment", kinds: []Kind{FooterComment, InlineComment}},
	}
	for _, slot := range [...]int{innerFolder, whiteboardSlot, databaseSlot, embedSlot} {
		found = append(found, searched{name: treeKinds[slot].name, kinds: []Kind{treeKinds[slot].kind}})
	}
	for _, t := range customTypes {
		found = append(found, searched{name: t, kinds: []Kind{CustomContent}, typ: t})
	}
	return found
}

var clause = regexp.MustCompile(`(?i)^\s*(type|space|space\.key|id)\s*(!=|=|not\s+in|in)\s*(\(.*\)|[^()]*?)\s*$`)

// cql is a query: which types and which spaces.
type cql struct {
	types  []string
	spaces []string
	ids    []string
	no     [2]bool // not these types, not these spaces
}

// parseCQL reads the few forms of CQL that a client needs: ids with in or =, type and space
// each with =, !=, in and not in, joined by and; an order by is read over.
func parseCQL(text string) (*cql, error) {
	q := &cql{}
	if at := strings.Index(strings.ToLower(text), " order by "); at >= 0 {
		text = text[:at]
	}
	for _, part := range regexp.MustCompile(`(?i)\s+and\s+`).Split(text, -1) {
		m := clause.FindStringSubmatch(part)
		if m == nil {
			return nil, fmt.Errorf("reading the query %q: unknown form", part)
		}
		var values []string
		for v := range strings.SplitSeq(strings.Trim(m[3], "()"), ",") {
			values = append(values, strings.Trim(strings.TrimSpace(v), `"'`))
		}
		no := m[2] == "!=" || strings.HasPrefix(strings.ToLower(m[2]), "not")
		switch {
		case strings.EqualFold(m[1], "type"):
			q.types, q.no[0] = values, no
		case strings.EqualFold(m[1], "id"):
			q.ids = values
		default:
			q.spaces, q.no[1] = values, no
		}
	}
	return q, nil
}

func (q *cql) wantsType(name string) bool {
	return q.types == nil || slices.Contains(q.types, name) != q.no[0]
}

func (q *cql) wantsSpace(key string) bool {
	return q.spaces == nil || slices.Contains(q.spaces, key) != q.no[1]
}

// searchMax is the number of hits that an answer holds at most.
const searchMax = 250

// exactTotal is the number of hits up to which totalSize is exact; beyond, it is an estimate.
const exactTotal = 500

// search answers the older search, which tells roughly how many there are of what.
func (rq *request) search() {
	q, start, ok := rq.question(searchMax)
	if !ok {
		return
	}
	total, archivedToo, size := 0, 0, 0
	rq.b = append(rq.b, `{"results":[`...)
	rq.found(q.cql, func(k Kind, i int, name string) {
		if k == Page && rq.status(k, i) == archived {
			archivedToo++
			return
		}
		if total++; total <= start || size >= q.size {
			return
		}
		if size++; size > 1 {
			rq.b = append(rq.b, ',')
		}
		rq.hit(k, i, name)
	})
	rq.b = fmt.Appendf(rq.b, `],"start":0,"limit":%d,"size":%d,"totalSize":%d,"cqlQuery":%s,"searchDuration":12,`+
		`"archivedResultCount":%d,"_links":{"base":"%s/wiki","context":"/wiki","self":"%s%s"`,
		q.limit, size, estimate(total, q.text), appendQuoted(nil, q.text), archivedToo, rq.base, rq.base, rq.path)
	rq.searchNext("/rest/api/search", q, start+size, total)
	rq.b = append(rq.b, "}}"...)
	rq.send(http.StatusOK, rq.b)
}

// question is one request to a search.
type question struct {
	*cql
	text  string
	limit int // what was asked for, or the most that is given
	size  int // rows that this page takes: at times fewer
}

// question reads a request to a search and where it starts. It returns false if it has
// answered. The parameter start counts for nothing: only a cursor goes on.
func (rq *request) question(most int) (q question, start int, ok bool) {
	q.text = rq.query.Get("cql")
	parsed, err := parseCQL(q.text)
	if err == nil && rq.searchRefuses(q.text) {
		err = fmt.Errorf("reading the query %q: not supported here", q.text)
	}
	if err != nil {
		rq.v1Error(http.StatusBadRequest, "Could not parse cql: "+err.Error())
		return q, 0, false
	}
	q.cql = parsed
	if c := rq.query.Get("cursor"); c != "" {
		if _, err := fmt.Sscanf(c, "_t_%d", &start); err != nil || rq.quirks.SearchRefusesCursor {
			rq.v1Error(http.StatusBadRequest, "The cursor is not valid")
			return q, 0, false
		}
	}
	q.limit, _ = strconv.Atoi(rq.param("limit")) // checked against the facts; 0 otherwise
	q.limit = min(q.limit, most)
	q.size = q.limit
	if h := mix(uint64(start) + rq.seed); q.limit > 3 && draw(h, 4) == 0 {
		q.size -= 1 + draw(mix(h), q.limit/4)
	}
	return q, start, true
}

// searchNext appends the link to what follows. It keeps the query, the limit and the cursor
// and forgets all else.
func (rq *request) searchNext(route string, q question, at, total int) {
	if at < total {
		rq.b = fmt.Appendf(rq.b, `,"next":"%s?next=true&cursor=_t_%d&limit=%d&cql=%s"`, route, at, q.limit, url.QueryEscape(q.text))
	}
}

// estimate is what a search says of how many hits there are.
func estimate(total int, cql string) int {
	if total <= exactTotal {
		return total
	}
	return total + total*(draw(mix(uint64(total+len(cql))), 7)-3)/100
}

// many is the number of items of a kind, those that aren't there included.
func (s *Site) many(k Kind) int {
	switch {
	case k == Folder:
		return 2 * s.n[Page]
	case isNode(k):
		return s.n[Page]
	}
	return s.n[k]
}

// found calls f for everything that a query finds. Content of archived spaces is found only
// if the request asks for it, which not every search can be.
func (rq *request) found(q *cql, f func(k Kind, i int, name string)) {
	inSpace := make([]bool, rq.n[Space])
	archivedToo := rq.op.Param("includeArchivedSpaces") != nil && rq.query.Get("includeArchivedSpaces") == "true"
	for i := range inSpace {
		inSpace[i] = q.wantsSpace(rq.SpaceKey(i)) && (archivedToo || rq.status(Space, i) != archived)
	}
	for _, what := range searchable() {
		if !q.wantsType(what.name) {
			continue
		}
		for _, k := range what.kinds {
			only := rq.only(k)
			for i := range rq.many(k) {
				if q.ids != nil && !slices.Contains(q.ids, string(rq.appendID(nil, k, i))) {
					continue
				}
				if what.typ != "" && customTypes[rq.customType(i)] != what.typ || only != nil && !only(i) {
					continue
				}
				if sp := rq.space(k, i); sp >= 0 && inSpace[sp] && rq.open(k, i) && rq.indexed(k, i) {
					f(k, i, what.name)
				}
			}
		}
	}
}

// hit appends one result of a search.
func (rq *request) hit(k Kind, i int, name string) {
	rq.b = append(rq.b, `{"content":{"id":"`...)
	rq.b = rq.appendID(rq.b, k, i)
	rq.b = append(append(append(rq.b, `","type":"`...), name...), `","status":"current","title":"`...)
	rq.b = rq.appendTitle(rq.b, k, i)
	rq.b = rq.appendWebUI(append(rq.b, `","_links":{"webui":"`...), k, i)
	rq.b = rq.appendTitle(append(rq.b, `"}},"title":"`...), k, i)
	rq.b = rq.appendWebUI(append(rq.b, `","excerpt":"","url":"`...), k, i)
	rq.b = append(rq.b, `","breadcrumbs":[],"entityType":"content","iconCssClass":"","lastModified":`...)
	rq.b = appendTime(rq.b, rq.modified(k, i))
	rq.b = append(rq.b, `,"friendlyLastModified":"","score":0}`...)
}
