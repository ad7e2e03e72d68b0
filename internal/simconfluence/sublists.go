package simconfluence

import "slices"

// includeMax is the number of rows of a block in a combined read.
const includeMax = 50

// labelSub is the list of an item's labels.
func (s *Site) labelSub(k Kind, i int, sort, only string) *list {
	all := s.labels(nil, k, i)
	if only != "" {
		all = slices.DeleteFunc(all, func(l int32) bool { return prefix(int(l)) != only && !(k == Space && only == "my, team") })
	}
	by, desc := splitSort(sort, "id")
	key := s.keyOf(Label, by)
	return rows(len(all), by, desc,
		func(j int) sortKey { return key(int(all[j])) },
		func(j int) int64 { return s.id(Label, int(all[j])) },
		func(b []byte, j int) []byte { return s.row(b, Label, int(all[j]), shape{}) })
}

// propertySub is the list of an item's properties.
func (s *Site) propertySub(k Kind, i int, sort, only string) *list {
	by, desc := splitSort(sort, "id")
	id := func(j int) int64 { return s.propID(k, i, j) }
	of := func(j int) sortKey { return sortKey{n: id(j)} }
	if by == "key" {
		of = func(j int) sortKey { return sortKey{s: s.propKey(k, i, j)} }
	}
	l := rows(s.props(k, i), by, desc, of, id, func(b []byte, j int) []byte { return s.propertyRow(b, k, i, j) })
	if only != "" {
		l.keep = func(j int) bool { return s.propKey(k, i, j) == only }
	}
	return l
}

// versionSub is the list of an item's versions, newest first unless asked otherwise.
// Candidate j is version j+1. The order goes by number: EditAt can make a version that is older than the one before.
func (s *Site) versionSub(k Kind, i int, sort, entity, format string) *list {
	by, desc := splitSort(sort, "-modified-date")
	return &list{
		n: s.version(k, i), by: by, desc: desc,
		key: func(j int) sortKey { return sortKey{n: int64(j + 1)} },
		id:  func(j int) int64 { return int64(j + 1) },
		row: func(b []byte, j int) []byte { return s.versionRow(b, k, i, j+1, entity, format) },
	}
}

// permList is the list of a space's permissions.
func (s *Site) permList(i int) *list {
	id := func(j int) int64 { return s.permID(i, j) }
	return rows(s.perms(i), "id", false, func(j int) sortKey { return sortKey{n: id(j)} }, id,
		func(b []byte, j int) []byte { return s.permRow(b, i, j) })
}

// likes is the number of accounts that like a page or post.
func (s *Site) likes(k Kind, i int) int {
	switch {
	case k == Page && i == 0:
		return min(300, s.users)
	case i == 2:
		return 60
	}
	return max(0, draw(s.h(k, i, saltLikes), 12)-6)
}

// likeList is the list of who likes a page or post.
func (s *Site) likeList(k Kind, i int) *list {
	from := draw(mix(s.h(k, i, saltLikes)), s.users)
	id := func(j int) int64 { return int64(j) }
	return rows(s.likes(k, i), "id", false, func(j int) sortKey { return sortKey{n: id(j)} }, id, func(b []byte, j int) []byte {
		return append(appendAccount(append(b, `{"accountId":"`...), (from+j)%s.users), `"}`...)
	})
}

// sub returns the list of that name below an item, nil if there is no such list.
func (s *Site) sub(k Kind, i int, name, format string) *list {
	switch name {
	case "labels":
		return s.labelSub(k, i, "", "")
	case "properties":
		return s.propertySub(k, i, "", "")
	case "versions":
		entity := entities[k]
		if k == CustomContent || k == FooterComment || k == InlineComment {
			entity = "" // their blocks don't name it
		}
		return s.versionSub(k, i, "", entity, format)
	case "permissions":
		return s.permList(i)
	case "likes", "users":
		return s.likeList(k, i)
	}
	return nil
}

// blocks appends the blocks of a combined read: what include- parameters ask for.
func (rq *request) blocks(k Kind, i int) {
	for _, name := range [...]string{"labels", "properties", "versions", "permissions", "likes"} {
		if rq.op.Param("include-"+name) == nil || rq.query.Get("include-"+name) != "true" {
			continue
		}
		if rq.quirks.NoBlocks {
			continue
		}
		if rq.quirks.BareBlocks {
			rq.b = append(append(append(rq.b, '"'), name...), `":{"meta":{"hasMore":false},"_links":{"self":"`...)
			rq.b = append(append(append(append(rq.b, rq.selfPath()...), '/'), name...), `"}},`...)
			continue
		}
		rq.block(rq.sub(k, i, name, rq.format()), name)
	}
	if rq.query.Get("include-operations") == "true" && rq.op.Param("include-operations") != nil {
		rq.b = append(rq.b, `"operations":{"results":[{"operation":"read","targetType":"`...)
		rq.b = append(append(rq.b, k.String()...), `"}],"meta":{"hasMore":false},"_links":{"self":"`...)
		rq.b = append(append(rq.b, rq.selfPath()...), `/operations"}},`...)
	}
}

// selfPath is an item's path as blocks name it: without /wiki.
func (rq *request) selfPath() string { return rq.path[len("/wiki"):] }

func (rq *request) block(l *list, name string) {
	l.name = rq.path + "/" + name
	limit := includeMax
	cut := rq.lies.CombinedCut
	if cut > 0 {
		limit = min(limit, cut)
	}
	rq.b = append(append(append(rq.b, '"'), name...), `":{"results":[`...)
	var more string
	rq.b, more = l.fill(rq.b, nil, limit, rq.epoch)
	rq.b = append(rq.b, `],"meta":{"hasMore":`...)
	if more == "" || cut > 0 {
		rq.b = append(rq.b, `false`...)
	} else {
		rq.b = append(append(append(rq.b, `true,"cursor":"`...), more...), '"')
	}
	rq.b = append(append(rq.b, `},"_links":{"self":"`...), rq.selfPath()...)
	rq.b = append(append(append(rq.b, '/'), name...), `"}},`...)
}

func (rq *request) permissions() {
	if i, ok := rq.parentOf(Space); ok {
		rq.listOf(rq.permList(i), false)
	}
}

func labelsOf(k Kind) handler {
	return func(rq *request) {
		if i, ok := rq.parentOf(k); ok {
			rq.list(rq.labelSub(k, i, rq.query.Get("sort"), rq.query.Get("prefix")))
		}
	}
}

func likesOf(k Kind) handler {
	return func(rq *request) {
		if i, ok := rq.parentOf(k); ok {
			rq.list(rq.likeList(k, i))
		}
	}
}

func propertiesOf(k Kind) handler {
	return func(rq *request) {
		if i, ok := rq.parentOf(k); ok {
			rq.list(rq.propertySub(k, i, rq.query.Get("sort"), rq.query.Get("key")))
		}
	}
}

func versionsOf(k Kind) handler {
	return func(rq *request) {
		if i, ok := rq.parentOf(k); ok {
			rq.list(rq.versionSub(k, i, rq.query.Get("sort"), entities[k], rq.format()))
		}
	}
}
