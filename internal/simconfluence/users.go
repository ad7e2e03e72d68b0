package simconfluence

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
)

// The accounts of a site are numbered. The first ones write, edit and are asked to do
// things; the others are members of groups, like pages, and may see what is restricted.

// writers is the number of accounts that write, edit and are asked to do things.
const writers = 40

// stranger is the account that rows name and no route knows any longer.
const stranger = 38

// userState says what has become of an account.
type userState int

const (
	active      userState = iota
	inactive              // deactivated: named, but not found by a search
	closed                // deleted: without a name
	unknownUser           // not known at all
)

func (s *Site) userState(u int) userState {
	switch {
	case u == stranger:
		return unknownUser
	case u%13 == 5:
		return closed
	case u%13 == 9:
		return inactive
	}
	return active
}

// isApp reports whether an account is an app's, and isGuest whether it is a guest's.
func isApp(u int) bool   { return u%11 == 7 }
func isGuest(u int) bool { return u%7 == 3 && !isApp(u) }

// findable reports whether a search for users shows an account; guests only if asked for.
func (s *Site) findable(u int, guests bool) bool {
	return s.userState(u) == active && !isApp(u) && (guests || !isGuest(u))
}

// appendAccount appends the id of an account: 24 hexadecimal digits for old accounts, else
// with the 712020 prefix of newer ones.
func appendAccount(b []byte, u int) []byte {
	if u%5 == 4 {
		g := mix(uint64(u) + 99)
		b = append(b, "5b10a284"...)
		for range 16 {
			b = append(b, hexDigits[g&15])
			g >>= 4
		}
		return b
	}
	return appendUUID(append(b, "712020:"...), mix(uint64(u)+7))
}

// accounts finds accounts by their ids.
func (s *Site) accounts() map[string]int {
	return cached(s, "accounts", func() map[string]int {
		all := make(map[string]int, s.users)
		for u := range s.users {
			all[string(appendAccount(nil, u))] = u
		}
		return all
	})
}

// UserIDs lists the accounts that a search for users shows, guests included.
func (s *Site) UserIDs() []string {
	var ids []string
	for u := range s.users {
		if s.findable(u, true) {
			ids = append(ids, string(appendAccount(nil, u)))
		}
	}
	return ids
}

// userName appends a user's name, escaped.
func (s *Site) userName(b []byte, u int) []byte {
	if s.userState(u) == closed {
		return append(b, "Former user"...)
	}
	if s.opts.Readable {
		return s.readableName(b, u)
	}
	h := mix(uint64(u)*31 + s.seed)
	b = s.appendText(b, h, 2)
	return strconv.AppendInt(append(b, ' '), int64(u), 10)
}

// bulkRow appends a user as version 2 has it.
func (s *Site) bulkRow(b []byte, u int) []byte {
	st := s.userState(u)
	b = s.userName(append(b, `{"displayName":"`...), u)
	b = append(b, `","timeZone":`...)
	if u%3 == 0 && st == active {
		b = append(b, `"Europe/Berlin"`...)
	} else {
		b = append(b, `null`...)
	}
	b = append(b, `,"personalSpaceId":`...)
	if u%10 == 3 && u/10*7+3 < s.first[Space] {
		b = append(s.appendID(append(b, '"'), Space, u/10*7+3), '"')
	} else {
		b = append(b, `null`...)
	}
	b = append(b, `,"isExternalCollaborator":`...)
	b = strconv.AppendBool(b, isGuest(u))
	b = append(append(b, `,"accountStatus":"`...), [...]string{"active", "inactive", "closed"}[st]...)
	b = append(b, `","accountId":"`...)
	b = appendAccount(b, u)
	b = append(b, `","email":"`...)
	if u%4 == 1 && st == active {
		b = append(strconv.AppendInt(append(b, "user"...), int64(u), 10), "@example.org"...)
	}
	b = append(append(b, `","accountType":"`...), accountType(u)...)
	b = s.userName(append(b, `","publicName":"`...), u)
	b = append(b, `","profilePicture":{"path":"/wiki/aa-avatar/`...)
	b = appendAccount(b, u)
	b = append(b, `","isDefault":`...)
	return append(strconv.AppendBool(b, u%2 == 0), "}}"...)
}

func accountType(u int) string {
	if isApp(u) {
		return "app"
	}
	return "atlassian"
}

// userV1 appends a user as version 1 has it.
func (s *Site) userV1(b []byte, u int) []byte {
	b = append(b, `{"type":"known","accountId":"`...)
	b = appendAccount(b, u)
	b = append(append(b, `","accountType":"`...), accountType(u)...)
	b = s.userName(append(b, `","email":"","publicName":"`...), u)
	b = append(b, `","profilePicture":{"path":"/wiki/aa-avatar/`...)
	b = appendAccount(b, u)
	b = append(b, `","width":48,"height":48,"isDefault":false},"displayName":"`...)
	b = s.userName(b, u)
	b = append(b, '"')
	for _, name := range [...]string{"externalCollaborator", "isExternalCollaborator", "isGuest"} {
		b = append(append(append(b, `,"`...), name...), `":`...)
		b = strconv.AppendBool(b, isGuest(u))
	}
	b = append(b, `,"timeZone":null,"_expandable":{"operations":"","personalSpace":""},"_links":{"self":"https://example.net/wiki/rest/api/user?accountId=`...)
	return append(appendAccount(b, u), `"}}`...)
}

// usersBulk answers the accounts that a body names, those that the site knows, in an order of
// its own.
func (rq *request) usersBulk() {
	body, err := io.ReadAll(io.LimitReader(rq.r.Body, 1<<20))
	var asked struct {
		AccountIDs []string `json:"accountIds"`
	}
	if err != nil || json.Unmarshal(body, &asked) != nil || len(asked.AccountIDs) == 0 {
		rq.badParam("Provided value for 'accountIds' is missing or not a list.", "")
		return
	}
	if most := rq.op.Body[0].MaxItems; len(asked.AccountIDs) > most {
		rq.badParam(fmt.Sprintf("Provided size {%d} for 'accountIds' is greater than the max allowed: %d", len(asked.AccountIDs), most), "")
		return
	}
	var found []int
	for _, id := range asked.AccountIDs {
		if u, ok := rq.accounts()[id]; ok && rq.userState(u) != unknownUser {
			found = append(found, u)
		}
	}
	slices.Sort(found)
	rq.b = append(rq.b, `{"results":[`...)
	for p, u := range slices.Compact(found) {
		if p > 0 {
			rq.b = append(rq.b, ',')
		}
		rq.b = rq.bulkRow(rq.b, u)
	}
	rq.b = append(append(append(rq.b, `],"_links":{"base":"`...), rq.base...), `/wiki"}}`...)
	rq.send(http.StatusOK, rq.b)
}

// userSearchMax is how far into a search for users an offset reaches.
const userSearchMax = 10_000

// userSearch answers a search for users, which pages by offset.
func (rq *request) userSearch() {
	if rq.query.Get("cql") != "type=user" || rq.searchRefuses("type=user") {
		rq.v1Error(http.StatusBadRequest, "Could not parse cql: only type=user is known")
		return
	}
	var found []int
	guests := rq.param("sitePermissionTypeFilter") == "all"
	for u := range min(rq.users, userSearchMax) {
		if rq.findable(u, guests) {
			found = append(found, u)
		}
	}
	row := func(p int) {
		rq.b = rq.userV1(append(rq.b, `{"user":`...), found[p])
		rq.b = rq.userName(append(rq.b, `,"title":"`...), found[p])
		rq.b = append(rq.b, `","excerpt":"","url":"/people/x","breadcrumbs":[],"entityType":"user","iconCssClass":"","lastModified":`...)
		rq.b = append(appendTime(rq.b, rq.now), `,"friendlyLastModified":"","score":0}`...)
	}
	rq.offsets("/rest/api/search/user", len(found), userSearchPage, row,
		fmt.Sprintf(`"totalSize":%d,"cqlQuery":"type=user","searchDuration":3,`, len(found)))
}

// userSearchPage is the number of users that an answer holds at most.
const userSearchPage = 200

// members returns the accounts in a group: none in the second, 450 in the first, 201 in the
// third. Deleted accounts are in none.
func (s *Site) members(g int) []int {
	h := s.h(Group, g, saltState)
	n := 1 + draw(h, 30)
	switch g {
	case 0:
		n = 450
	case 1:
		n = 0
	case 2:
		n = 201
	}
	var some []int
	for u := draw(mix(h), s.users); len(some) < n; u = (u + 1) % s.users {
		if len(some) > 0 && u == some[0] {
			break
		}
		if st := s.userState(u); st == active || st == inactive {
			some = append(some, u)
		}
	}
	return some
}

// groupMembers answers the members of a group. A group that nobody knows has none.
func (rq *request) groupMembers() {
	if limit, err := strconv.Atoi(rq.param("limit")); err != nil || limit > groupMax {
		rq.v1Error(http.StatusBadRequest, fmt.Sprintf("limit can't be more than %d", groupMax))
		return
	}
	var some []int
	if g, ok := rq.findGroup(rq.id); ok {
		some = rq.members(g)
	}
	rq.offsets("/rest/api/group/"+rq.id+"/membersByGroupId", len(some), groupMax,
		func(p int) { rq.b = rq.userV1(rq.b, some[p]) }, "")
}

// groupByID answers one group.
func (rq *request) groupByID() {
	g, ok := rq.findGroup(rq.query.Get("id"))
	if !ok {
		rq.v1NotFound("Group with id: [" + rq.query.Get("id") + "] not found")
		return
	}
	rq.b = rq.row(rq.b, Group, g, shape{})
	rq.send(http.StatusOK, rq.b)
}

// v1NotFound answers a 404 of version 1, which has its words twice.
func (rq *request) v1NotFound(words string) {
	rq.sendJSON(http.StatusNotFound, map[string]any{
		"statusCode": http.StatusNotFound, "message": "com.atlassian.confluence.api.service.exceptions.NotFoundException: " + words,
		"data": map[string]any{"authorized": true, "valid": true, "successful": true,
			"errors": []any{map[string]any{"message": map[string]any{"translation": words, "args": []any{}}}}},
	})
}
