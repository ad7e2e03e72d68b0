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

// groupMax is what the server gives at most, however much is asked for.
const groupMax = 200

// groupList pages by offset: the answer holds at most 200 groups, yet next skips as many
// as were asked for.
func (rq *request) groupList() {
	start, err := strconv.Atoi(rq.param("start"))
	asked, err2 := strconv.Atoi(rq.param("limit"))
	if err != nil || err2 != nil || start < 0 || asked < 0 {
		rq.v1Error(http.StatusBadRequest, "start and limit must be numbers from 0")
		return
	}
	limit := min(asked, groupMax)
	rq.b = append(rq.b, `{"results":[`...)
	seen, size := 0, 0
	more := false
	for i := range rq.n[Group] {
		if rq.gone(Group, i) {
			continue
		}
		if seen++; seen <= start {
			continue
		}
		if size == limit {
			more = true
			break
		}
		if size++; size > 1 {
			rq.b = append(rq.b, ',')
		}
		rq.b = rq.row(rq.b, Group, i, shape{})
	}
	rq.b = fmt.Appendf(rq.b, `],"start":%d,"limit":%d,"size":%d,"_links":{"base":"%s/wiki","context":"/wiki","self":"%s%s"`,
		start, limit, size, rq.base, rq.base, rq.path)
	if more && asked > 0 {
		rq.b = fmt.Appendf(rq.b, `,"next":"/rest/api/group?start=%d&limit=%d"`, start+asked, asked)
	}
	rq.b = append(rq.b, "}}"...)
	rq.send(http.StatusOK, rq.b)
}

// v1Error answers with an error of version 1.
func (rq *request) v1Error(status int, message string) {
	rq.sendJSON(status, map[string]any{"statusCode": status, "message": message})
}

// currentUser answers who the request comes from.
func (rq *request) currentUser() {
	rq.b = append(rq.b, `{"type":"known","accountId":"`...)
	rq.b = appendUser(rq.b, rq.seed)
	rq.b = append(rq.b, `","accountType":"atlassian","email":"","publicName":"sync","displayName":"Sync Account",`+
		`"isExternalCollaborator":false,"_expandable":{"operations":"","personalSpace":""},"_links":{"self":"`...)
	rq.b = append(append(rq.b, rq.base...), `/wiki/rest/api/user"}}`...)
	rq.send(http.StatusOK, rq.b)
}

// searched is one kind of content under its name in CQL.
type searched struct {
	name  string
	kinds []Kind
	typ   string // of custom content
}

func searchable() []searched {
	found := []searched{
		{name: "page", kinds: []Kind{Page}}, {name: "blogpost", kinds: []Kind{BlogPost}},
		{name: "attachment", kinds: []Kind{Attachment}}, {name: "comment", kinds: []Kind{FooterComment, InlineComment}},
	}
	for _, t := range customTypes {
		found = append(found, searched{name: t, kinds: []Kind{CustomContent}, typ: t})
	}
	return found
}

var clause = regexp.MustCompile(`(?i)^\s*(type|space|space\.key)\s*(!=|=|not\s+in|in)\s*(\(.*\)|[^()]*?)\s*$`)

// cql is a query: which types and which spaces.
type cql struct {
	types  []string
	spaces []string
	no     [2]bool // not these types, not these spaces
}

// parseCQL reads the few forms of CQL that a client needs to count things: type and space,
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
		if strings.EqualFold(m[1], "type") {
			q.types, q.no[0] = values, no
		} else {
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

// search answers the older search, which tells how many there are of what.
func (rq *request) search() {
	q, err := parseCQL(rq.query.Get("cql"))
	if err != nil {
		rq.v1Error(http.StatusBadRequest, "Could not parse cql: "+err.Error())
		return
	}
	limit, _ := strconv.Atoi(rq.param("limit")) // checked against the facts; 0 otherwise
	start, _ := strconv.Atoi(rq.param("start"))
	if c := rq.query.Get("cursor"); c != "" {
		if _, err := fmt.Sscanf(c, "_t_%d", &start); err != nil {
			rq.v1Error(http.StatusBadRequest, "The cursor is not valid")
			return
		}
	}
	limit = min(limit, 250)
	total, archivedToo, size := 0, 0, 0
	rq.b = append(rq.b, `{"results":[`...)
	rq.found(q, func(k Kind, i int, name string) {
		if k == Page && rq.status(k, i) == archived {
			archivedToo++
			return
		}
		if total++; total <= start || size >= limit {
			return
		}
		if size++; size > 1 {
			rq.b = append(rq.b, ',')
		}
		rq.hit(k, i, name)
	})
	rq.b = fmt.Appendf(rq.b, `],"start":%d,"limit":%d,"size":%d,"totalSize":%d,"cqlQuery":%s,"searchDuration":12,`+
		`"archivedResultCount":%d,"_links":{"base":"%s/wiki","context":"/wiki","self":"%s%s"`,
		start, limit, size, total, appendQuoted(nil, rq.query.Get("cql")), archivedToo, rq.base, rq.base, rq.path)
	if start+size < total {
		rq.b = fmt.Appendf(rq.b, `,"next":"/rest/api/search?next=true&cursor=_t_%d&limit=%d&start=%d&cql=%s"`,
			start+size, limit, start+size, url.QueryEscape(rq.query.Get("cql")))
	}
	rq.b = append(rq.b, "}}"...)
	rq.send(http.StatusOK, rq.b)
}

// found calls f for everything that a query finds.
func (rq *request) found(q *cql, f func(k Kind, i int, name string)) {
	inSpace := make([]bool, rq.n[Space])
	for i := range inSpace {
		inSpace[i] = q.wantsSpace(rq.SpaceKey(i))
	}
	for _, what := range searchable() {
		if !q.wantsType(what.name) {
			continue
		}
		for _, k := range what.kinds {
			for i := range rq.n[k] {
				if what.typ != "" && customTypes[rq.customType(i)] != what.typ {
					continue
				}
				if sp := rq.space(k, i); sp >= 0 && inSpace[sp] && rq.open(k, i) {
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
