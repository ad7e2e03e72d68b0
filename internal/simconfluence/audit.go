package simconfluence

import (
	"slices"
	"strconv"
)

// auditMax is the number of audit records that an answer holds at most.
const auditMax = 1000

// auditList answers the audit log, newest first, from a date and until one.
func (rq *request) auditList() {
	from, hasFrom := rq.number("startDate")
	to, hasTo := rq.number("endDate")
	var some []int
	ascending := rq.sorted(AuditRecord, "created-date", rq.keyOf(AuditRecord, "created-date"))
	for _, i := range slices.Backward(ascending) {
		if at := rq.created(AuditRecord, int(i)); !rq.gone(AuditRecord, int(i)) && (!hasFrom || at >= from) && (!hasTo || at <= to) {
			some = append(some, int(i))
		}
	}
	rq.offsets("/rest/api/audit", len(some), auditMax, func(p int) { rq.b = rq.auditRow(rq.b, some[p]) }, "")
}

var auditEvents = [...][4]string{ // category, summary, kind of object, changed value
	{"Permissions", "Space permission added", "Space", "Permission"},
	{"Permissions", "Content restriction added", "Page", "Type"},
	{"Users and groups", "User added to group", "Group", ""},
	{"Users and groups", "User deactivated", "User", "Active"},
	{"Spaces", "Space created", "Space", ""},
	{"Pages", "Page moved", "Page", "Parent"},
	{"Apps", "App installed", "App", "Version"},
}

// auditRow appends a record of the audit log. It has no id; its date is text at times.
func (s *Site) auditRow(b []byte, i int) []byte {
	h := s.h(AuditRecord, i, saltMisc)
	e := auditEvents[draw(h, len(auditEvents))]
	who := draw(mix(h), writers)
	b = appendAccount(append(b, `{"author":{"type":"user","accountId":"`...), who)
	b = s.userName(append(b, `","displayName":"`...), who)
	b = s.userName(append(b, `","publicName":"`...), who)
	b = append(append(b, `","accountType":"`...), accountType(who)...)
	b = append(b, `","externalCollaborator":false,"isExternalCollaborator":false,"isGuest":false,"operations":null},"remoteAddress":"`...)
	if draw(h, 6) > 0 {
		b = strconv.AppendInt(append(b, "198.51.100."...), int64(draw(mix(h+1), 250)), 10)
	}
	b = append(b, `","creationDate":`...)
	date := strconv.AppendInt(nil, s.created(AuditRecord, i), 10)
	if i%17 == 3 {
		b = append(append(append(b, '"'), date...), '"')
	} else {
		b = append(b, date...)
	}
	b = append(append(b, `,"summary":"`...), e[1]...)
	b = append(b, `","description":"`...)
	if draw(mix(h+2), 3) == 0 {
		b = s.appendText(b, mix(h+3), 4)
	}
	b = append(append(b, `","category":"`...), e[0]...)
	b = append(b, `","sysAdmin":false,"superAdmin":`...)
	b = strconv.AppendBool(b, draw(h, 9) == 0)
	return s.auditObjects(b, i, e[2], e[3])
}

// auditObjects appends what a record of the audit log is about, and closes it.
func (s *Site) auditObjects(b []byte, i int, kind, value string) []byte {
	h := s.h(AuditRecord, i, saltMisc)
	b = s.auditObject(append(b, `,"affectedObject":{"name":"`...), kind, mix(h+4), i)
	b = append(append(b, `","objectType":"`...), kind...)
	b = append(b, `"},"changedValues":[`...)
	if value != "" {
		b = append(append(b, `{"name":"`...), value...)
		b = s.auditValue(append(b, `","oldValue":"`...), value, h, 0)
		b = s.auditValue(append(b, `","hiddenOldValue":"","newValue":"`...), value, h, 1)
		b = append(b, `","hiddenNewValue":""}`...)
	}
	b = append(b, `],"associatedObjects":[`...)
	if draw(mix(h+7), 2) == 0 {
		b = s.auditObject(append(b, `{"name":"`...), "Group", mix(h+8), i)
		b = append(b, `","objectType":"Group"}`...)
	}
	return append(b, `]}`...)
}
