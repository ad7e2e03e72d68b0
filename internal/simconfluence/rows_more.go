package simconfluence

import "strconv"

func (s *Site) spaceHead(b []byte, i int, f shape) []byte {
	h := s.h(Space, i, saltMisc)
	b = append(b, `{"spaceOwnerId":"`...)
	if s.opts.Readable && spaceType(i) == "personal" {
		b = appendAccount(b, personalOwner(i))
	} else {
		b = appendUser(b, h)
	}
	b = append(b, `","homepageId":`...)
	if i < s.first[Page] && (i%4 != 3 || s.opts.Readable) {
		b = append(s.appendID(append(b, '"'), Page, i), '"')
	} else {
		b = append(b, "null"...)
	}
	b = appendTime(append(b, `,"createdAt":`...), s.created(Space, i))
	b = append(b, `,"authorId":"`...)
	b = appendUser(b, s.author(Space, i))
	b = append(b, `","icon":`...)
	if f.icon && i%3 != 2 {
		b = append(b, `{"path":"/wiki/download/attachments/`...)
		b = s.appendID(b, Space, i)
		b = append(b, `/logo?version=1&api=v2","apiDownloadLink":"/wiki/rest/api/content/`...)
		b = append(s.appendID(b, Space, i), `/child/attachment/att1/download"}`...)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"name":"`...)
	b = s.appendTitle(b, Space, i)
	b = append(append(b, `","key":"`...), s.SpaceKey(i)...)
	b = append(b, `","id":"`...)
	b = s.appendID(b, Space, i)
	b = append(append(b, `","type":"`...), spaceType(i)...)
	b = append(b, `","description":`...)
	switch {
	case f.desc != "":
		b = append(append(b, `{"`...), f.desc...)
		b = append(append(b, `":{"representation":"`...), f.desc...)
		b = append(b, `","value":"`...)
		if i%3 > 0 {
			b = s.appendText(b, h, 12)
		}
		b = append(b, `"}}`...)
	case f.single:
		b = append(b, `{}`...)
	default:
		b = append(b, `null`...)
	}
	b = append(append(b, `,"status":"`...), s.status(Space, i)...)
	return append(b, `",`...)
}

func spaceType(i int) string {
	switch i % 7 {
	case 3:
		return "personal"
	case 5:
		return "collaboration"
	case 6:
		return "knowledge_base"
	}
	return "global"
}

// SpaceKey returns the key of a space by its ordinal: a word and its number, or a tilde
// and an account for a personal space.
func (s *Site) SpaceKey(i int) string {
	if spaceType(i) == "personal" {
		return "~712020" + strconv.FormatUint(mix(uint64(i)), 16)
	}
	if s.opts.Readable {
		return readableKey(i)
	}
	w := []byte(words[i%50])
	for p := range w {
		w[p] -= 'a' - 'A'
	}
	return string(w) + strconv.Itoa(i)
}

// SpaceKeys lists the keys of the spaces that the user can see, in the order of their ids.
func (s *Site) SpaceKeys() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var keys []string
	for i := range s.n[Space] {
		if s.visible(Space, i) {
			keys = append(keys, s.SpaceKey(i))
		}
	}
	return keys
}

func (s *Site) taskHead(b []byte, i int, f shape) []byte {
	h := s.h(Task, i, saltMisc)
	updated, due, completed := s.taskState(i)
	c, j := s.container(Task, i)
	b = append(b, `{"id":"`...)
	b = s.appendID(b, Task, i)
	b = append(b, `","localId":"`...)
	if draw(h, 2) == 0 {
		b = strconv.AppendInt(b, int64(i%9+1), 10)
	} else {
		b = appendUUID(b, h)
	}
	if !s.quirks.NoTaskSpaces {
		b = append(b, `","spaceId":"`...)
		b = s.appendID(b, Space, s.space(c, j))
	}
	b = s.appendContainer(append(b, `",`...), c, j)
	b = append(b, `,"status":"`...)
	if completed > 0 {
		b = append(b, `complete`...)
	} else {
		b = append(b, `incomplete`...)
	}
	b = append(b, `","body":`...)
	b = s.appendBody(b, Task, i, s.version(Task, i), f.format)
	b = append(b, `,"createdBy":"`...)
	b = appendUser(b, s.author(Task, i))
	b = append(b, `","assignedTo":`...)
	b = s.userOrNull(b, mix(h), 4)
	b = append(b, `,"completedBy":`...)
	if completed > 0 {
		b = s.userOrNull(b, mix(h+1), 20)
	} else {
		b = append(b, "null"...)
	}
	b = appendTime(append(b, `,"createdAt":`...), s.created(Task, i))
	b = appendTime(append(b, `,"updatedAt":`...), updated)
	b = timeOrNull(append(b, `,"dueAt":`...), due)
	return timeOrNull(append(b, `,"completedAt":`...), completed)
}

func timeOrNull(b []byte, ms int64) []byte {
	if ms == 0 {
		return append(b, "null"...)
	}
	return appendTime(b, ms)
}

func (s *Site) customHead(b []byte, i int, f shape) []byte {
	c, j := s.container(CustomContent, i)
	b = append(b, `{"id":"`...)
	b = s.appendID(b, CustomContent, i)
	b = append(append(b, `","type":"`...), customTypes[s.customType(i)]...)
	b = append(append(b, `","status":"`...), s.status(CustomContent, i)...)
	b = append(b, `","title":"`...)
	b = s.appendTitle(b, CustomContent, i)
	b = s.appendContainer(append(b, `",`...), c, j)
	b = append(b, `,"authorId":"`...)
	b = appendUser(b, s.author(CustomContent, i))
	b = appendTime(append(b, `","createdAt":`...), s.created(CustomContent, i))
	b = s.appendVersion(append(b, ','), CustomContent, i)
	b = append(b, `,"body":`...)
	b = s.appendBody(b, CustomContent, i, s.version(CustomContent, i), f.format)
	return append(b, ',')
}

func (s *Site) groupHead(b []byte, i int) []byte {
	h := s.h(Group, i, saltMisc)
	b = append(b, `{"type":"group","name":"`...)
	b = s.appendGroupName(b, i)
	b = append(b, `","id":"`...)
	b = s.appendID(b, Group, i)
	b = append(append(b, `","usageType":"`...), [...]string{"USERBASE_GROUP", "TEAM_COLLABORATION"}[draw(h, 2)]...)
	b = append(append(b, `","managedBy":"`...), [...]string{"ADMINS", "EXTERNAL", "TEAM_MEMBERS", "OPEN"}[draw(mix(h), 4)]...)
	return append(b, `",`...)
}

// appendGroupName appends a group's name: ascending with the ordinal, as the list is.
func (s *Site) appendGroupName(b []byte, i int) []byte {
	if s.opts.Readable {
		return s.readableGroup(b, i)
	}
	b = append(b, "confluence-"...)
	b = append(b, "000000"[:6-len(strconv.Itoa(min(i, 999999)))]...)
	b = append(strconv.AppendInt(b, int64(i), 10), '-')
	return s.appendText(b, s.h(Group, i, saltTitle), 1)
}

func (s *Site) labelHead(b []byte, l int) []byte {
	b = append(append(b, `{"prefix":"`...), prefix(l)...)
	b = append(b, `","name":"`...)
	b = append(b, s.labelName(l)...)
	b = append(b, `","id":"`...)
	return append(s.appendID(b, Label, l), '"')
}

// labelName returns a label's name. Labels have no spaces; some have letters beyond ASCII.
func (s *Site) labelName(l int) string {
	if s.opts.Readable {
		return readableLabel(l)
	}
	h := s.h(Label, l, saltTitle)
	return words[draw(h, len(words))] + "-" + strconv.Itoa(l)
}

// propertyRow appends property j of an item. Version times lie at or after the item's
// own creation; the version of a space's property names its author otherwise than others.
func (s *Site) propertyRow(b []byte, k Kind, i, j int) []byte {
	h := mix(s.h(k, i, saltProps) + uint64(j))
	at := s.created(k, i) + int64(j)*1001
	number := int64(1 + draw(h, 4))
	b = append(b, `{"version":{"number":`...)
	b = strconv.AppendInt(b, number, 10)
	if k == Space {
		b = append(b, `,"message":"","createdBy":"`...)
	} else {
		b = append(b, `,"message":"","minorEdit":false,"authorId":"`...)
	}
	b = appendUser(b, h)
	b = appendTime(append(b, `","createdAt":`...), at)
	b = append(b, '}')
	if k == Space {
		b = appendTime(append(b, `,"createdAt":`...), s.created(k, i))
		b = append(b, `,"createdBy":"`...)
		b = append(appendUser(b, mix(h)), '"')
	}
	v := values[draw(mix(h+2), len(values))]
	if s.opts.Readable {
		_, v = readableProperty(j, mix(h+2))
	}
	if v != "" {
		b = append(append(b, `,"value":`...), v...)
	}
	b = append(append(b, `,"key":"`...), s.propKey(k, i, j)...)
	b = append(b, `","id":"`...)
	b = strconv.AppendInt(b, s.propID(k, i, j), 10)
	return append(b, `"}`...)
}

// propKey returns the key of property j of an item; keys don't ascend with ids.
func (s *Site) propKey(k Kind, i, j int) string {
	h := mix(s.h(k, i, saltProps) ^ uint64(j)<<7)
	if s.opts.Readable {
		key, _ := readableProperty(j, h)
		return key
	}
	return words[draw(h, 50)] + "." + strconv.Itoa(j)
}

// values are values of properties, of every type that JSON has; the empty one is absent.
var values = [...]string{
	`null`, ``, `true`, `false`, `0`, `-0`, `12345678901234567890.5`, `9007199254740993`, `1e400`, `-1.5E-7`,
	`18446744073709551617`, `""`, `"plain"`, `"\u0085\u2028\u2029\u0000\ud83d 😀 \"q\" \n"`, "\"raw\u2028\u2029\u0085\"",
	`[]`, `{}`, `[1,"two",null,[true,{"x":[]}]]`, `{"enabled":true,"limit":9007199254740995,"name":"größe"}`,
	`{"a":{"b":{"c":[{"d":null},{"d":"\u0000"}]}},"":0,"a\"b":1}`,
	`[ 1 , 2 ,
  { "spaced" : "out" } ]`, `"{\"json\":\"in text\"}"`,
}

// permRow appends permission j of a space: to people, groups and classes of access, for
// operations of which the official documents name only some.
func (s *Site) permRow(b []byte, i, j int) []byte {
	h := mix(s.h(Space, i, saltPerms) + uint64(j))
	b = append(b, `{"id":"`...)
	b = strconv.AppendInt(b, s.permID(i, j), 10)
	kind := draw(h, 5)
	if s.roleMode() == RolesOnly { // the rest is in the assignments of roles
		kind = 2 + draw(h, 2)*2
	}
	switch kind {
	case 0, 1:
		b = append(b, `","principal":{"type":"user","id":"`...)
		b = appendUser(b, mix(h))
	case 2:
		b = append(b, `","principal":{"type":"access-class","id":"`...)
		b = append(b, [...]string{"ALL_LICENSED_USERS", "ALL_PRODUCT_ADMINS"}[draw(mix(h), 2)]...)
	case 3:
		b = append(b, `","principal":{"type":"group","id":"`...)
		if n := s.first[Group]; n > 0 {
			b = s.appendID(b, Group, draw(mix(h), min(n, 9)))
		} else {
			b = appendUUID(b, mix(h)%9)
		}
	default:
		b = append(b, `","principal":{"type":"role","id":"`...)
		b = appendRole(b, draw(mix(h), roles))
	}
	op := operations[draw(mix(h+1), len(operations))]
	b = append(append(b, `"},"operation":{"key":"`...), op[0]...)
	b = append(append(b, `","targetType":"`...), op[1]...)
	return append(b, `"}}`...)
}

var operations = [...][2]string{
	{"read", "space"}, {"create", "page"}, {"create", "blogpost"}, {"create", "comment"}, {"create", "attachment"},
	{"delete", "page"}, {"delete", "comment"}, {"administer", "space"}, {"archive", "page"}, {"restrict_content", "space"},
	{"manage_templates", "space"}, {"manage_public_links", "space"}, {"manage_guest_users", "space"}, {"export_content", "space"},
	{"archive_space", "space"}, {"update", "blogpost"},
}

// childRow appends a page as lists of children have it; typed as the newer list does.
func (s *Site) childRow(b []byte, i int, typed bool) []byte {
	b = append(b, `{"id":"`...)
	b = s.appendID(b, Page, i)
	b = append(append(b, `","status":"`...), s.status(Page, i)...)
	b = append(b, `","title":"`...)
	b = s.appendTitle(b, Page, i)
	b = append(b, '"')
	if typed {
		b = append(b, `,"type":"page"`...)
	}
	b = append(b, `,"spaceId":"`...)
	b = s.appendID(b, Space, s.space(Page, i))
	b = s.position(append(b, `","childPosition":`...), i)
	return append(b, '}')
}
