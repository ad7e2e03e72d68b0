package simconfluence

import (
	"fmt"
	"net/http"
	"strconv"
)

// groupMax is what the server gives at most, however much is asked for.
const groupMax = 200

// groupList answers the groups: at most 200, however many are asked for.
func (rq *request) groupList() {
	n := 0
	var some []int
	for i := range rq.n[Group] {
		if !rq.gone(Group, i) {
			some = append(some, i)
			n++
		}
	}
	rq.offsets("/rest/api/group", n, groupMax, func(p int) { rq.b = rq.row(rq.b, Group, some[p], shape{}) }, "")
}

// offsets answers one page of a list of n rows that pages by offset. Nothing in it says
// whether more follow, unless the site still gives a link, which then skips as many rows as
// were asked for.
func (rq *request) offsets(route string, n, most int, row func(p int), more string) {
	start, err := strconv.Atoi(rq.param("start"))
	asked, err2 := strconv.Atoi(rq.param("limit"))
	if err != nil || err2 != nil || start < 0 || asked < 0 {
		rq.v1Error(http.StatusBadRequest, "start and limit must be numbers from 0")
		return
	}
	limit := min(asked, most)
	from := min(start, n)
	to := min(from+limit, n)
	rq.b = append(rq.b, `{"results":[`...)
	for p := from; p < to; p++ {
		if p > from {
			rq.b = append(rq.b, ',')
		}
		row(p)
	}
	rq.b = fmt.Appendf(rq.b, `],"start":%d,"limit":%d,"size":%d,%s"_links":{"base":"%s/wiki","context":"/wiki","self":"%s%s"`,
		start, limit, to-from, more, rq.base, rq.base, rq.path)
	if rq.quirks.GroupNext && to < n && asked > 0 {
		rq.b = fmt.Appendf(rq.b, `,"next":"%s?start=%d&limit=%d"`, route, start+asked, asked)
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
