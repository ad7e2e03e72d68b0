package simconfluence

import (
	"strconv"
	"strings"
)

// What follows is the text of a site for readers (Options.Readable). Everything in it is
// safe within JSON as it stands.

var departments = [...]string{
	"Engineering", "Customer Support", "Marketing", "People and Culture", "Finance", "Security", "Platform", "Design",
	"Sales", "Data", "Legal", "Operations", "Mobile", "Research", "Quality", "Documentation",
}

var departmentKeys = [...]string{
	"ENG", "SUP", "MKT", "PPL", "FIN", "SEC", "PLT", "DES", "SAL", "DATA", "LEG", "OPS", "MOB", "RES", "QA", "DOC",
}

// subjects and the forms of each kind make its titles. Their numbers have no common divisor,
// so that counting in both at once goes through all pairs.
var subjects = [...]string{
	"Billing service", "Customer portal", "Mobile app", "Search", "Data warehouse", "Single sign-on", "Invoice export",
	"Onboarding", "Release train", "Payment provider", "Notification service", "Public API", "Pricing page", "Audit trail",
	"Backup and restore", "Feature flags", "Incident response", "Load balancer", "Partner programme", "Help centre",
	"Hiring", "Budget 2026", "Office move", "Accessibility", "Design system", "Translation", "Reporting", "Archive",
	"Access reviews",
}

var pageForms = [...]string{
	"overview", "runbook", "roadmap", "decision log", "meeting notes", "FAQ", "architecture", "test plan", "checklist",
	"known issues", "requirements", "handover", "retrospective", "metrics", "glossary", "how-to guide", "open questions",
	"release plan", "risk register", "team page",
}

var postForms = [...]string{
	"is live", "in the third quarter", "behind the scenes", "and what we learned", "gets a new home", "by the numbers",
	"needs your feedback", "a year on",
}

// fileForms are two for each type of file. An odd number of subjects keeps names apart.
var fileForms = [len(mediaTypes)][]string{{"diagram", "logo"}, {"screenshot", "photo"}, {"notes", "log"}, {"contract", "slides"}, {"draft", "minutes"}}

var boardForms = [...]string{"sketches", "brainstorm", "story map", "journey map"}

var folderForms = [...]string{"documents", "archive 2024", "archive 2025", "drafts", "templates", "working group"}

var databaseForms = [...]string{"inventory", "contacts", "requests", "test results"}

// nextPair appends the pair of a subject and a form by number, and behind the last pair how
// often they have been through.
func nextPair(b []byte, n int, forms []string, between string) []byte {
	b = append(append(append(b, subjects[n%len(subjects)]...), between...), forms[n%len(forms)]...)
	if round := n / (len(subjects) * len(forms)); round > 0 {
		b = strconv.AppendInt(append(b, between...), int64(round+1), 10)
	}
	return b
}

// readableTitle appends a title. No two pages of a space have the same one.
func (s *Site) readableTitle(b []byte, k Kind, i int) []byte {
	switch k {
	case Space:
		if spaceType(i) == "personal" {
			return s.userName(b, personalOwner(i))
		}
		return s.departmentName(b, i)
	case Page:
		spaces := s.first[Space]
		if i < spaces {
			return append(s.readableTitle(b, Space, i), " Home"...)
		}
		return nextPair(b, i/spaces+i%spaces*7, pageForms[:], " ")
	case BlogPost:
		return nextPair(b, i, postForms[:], " ")
	case Attachment:
		media := draw(s.h(k, i, saltMedia), len(mediaTypes))
		name := strings.ReplaceAll(strings.ToLower(string(nextPair(nil, i, fileForms[media], "-"))), " ", "-")
		return append(append(b, name...), mediaTypes[media].ext...)
	case Folder, Whiteboard, Database, Embed:
		p, slot := node(k, i)
		forms := [...][]string{outerFolder: folderForms[:], innerFolder: folderForms[:], whiteboardSlot: boardForms[:],
			databaseSlot: databaseForms[:], embedSlot: {"dashboard"}}[slot]
		return nextPair(b, p/s.first[Space]*2+slot, forms, " ")
	}
	return nextPair(b, i, []string{"diagram", "checklist"}, " ")
}

// departmentName appends the department that a space or a group belongs to.
func (s *Site) departmentName(b []byte, i int) []byte {
	b = append(b, departments[i%len(departments)]...)
	if round := i / len(departments); round > 0 {
		b = strconv.AppendInt(append(b, ' '), int64(round+1), 10)
	}
	return b
}

// readableKey returns the key of a space that is nobody's own.
func readableKey(i int) string {
	key := departmentKeys[i%len(departmentKeys)]
	if round := i / len(departmentKeys); round > 0 {
		key += strconv.Itoa(round + 1)
	}
	return key
}

// personalOwner is the account whose personal space a space is.
func personalOwner(i int) int { return (i-3)/7*10 + 3 }

var firstNames = [...]string{
	"Amara", "Bruno", "Chiara", "Daniel", "Elif", "Farid", "Grace", "Hannah", "Ivan", "Julia", "Kenji", "Leila", "Mateo",
	"Nadia", "Oliver", "Priya", "Quentin", "Rosa", "Samuel", "Tomas", "Uma", "Victor", "Wei", "Yara", "Zoe",
}

var lastNames = [...]string{
	"Adeyemi", "Becker", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "Kowalski",
	"Lindqvist", "Moreau", "Novak", "Okafor", "Petrov", "Rossi", "Schmidt", "Tanaka", "Usman", "Varga", "Weber", "Yilmaz",
	"Zhang",
}

var appNames = [...]string{
	"Diagrams for Teams", "Deploy Bot", "Automation", "Translation Sync", "Calendar Sync", "Build Reports", "Survey Forms",
}

// readableName appends a person's name or an app's, unlike those of all others.
func (s *Site) readableName(b []byte, u int) []byte {
	pairs := len(firstNames) * len(lastNames)
	round := u / pairs
	if isApp(u) {
		round = u / 11 / len(appNames)
		b = append(b, appNames[u/11%len(appNames)]...)
	} else {
		b = append(b, firstNames[u%len(firstNames)]...)
		b = append(append(b, ' '), lastNames[u%len(lastNames)]...)
	}
	if round > 0 {
		b = strconv.AppendInt(append(b, ' '), int64(round+1), 10)
	}
	return b
}

var teams = [...]string{
	"data", "design", "finance", "legal", "marketing", "mobile", "operations", "people", "platform", "quality", "research",
	"sales", "security", "support", "web",
}

// readableGroup appends a group's name. Names ascend with the ordinals.
func (s *Site) readableGroup(b []byte, i int) []byte {
	switch i {
	case 0:
		return append(b, "all-staff"...)
	case 1:
		return append(b, "alumni"...)
	case 2:
		return append(b, "confluence-users"...)
	}
	each := max(1, (s.first[Group]-3+len(teams)-1)/len(teams))
	if i >= 3+each*len(teams) { // made later
		return strconv.AppendInt(append(b, "working-group-"...), int64(i), 10)
	}
	b = append(append(b, "team-"...), teams[(i-3)/each%len(teams)]...)
	if n := (i - 3) % each; n > 0 {
		b = digits(append(b, '-'), n+1, 3)
	}
	return b
}

var labelWords = [...]string{
	"runbook", "decision", "meeting-notes", "team-handbook", "how-to", "roadmap", "incident", "favourite", "architecture",
	"onboarding", "release", "budget", "api", "security", "design", "draft", "needs-review", "to-read", "template", "policy",
	"customer", "outdated", "retrospective", "department", "testing", "metrics", "planning", "archive-me", "compliance",
	"glossary",
}

func readableLabel(l int) string {
	if round := l / len(labelWords); round > 0 {
		return labelWords[l%len(labelWords)] + "-" + strconv.Itoa(2015+round)
	}
	return labelWords[l]
}

var propertyKeys = [...]string{"editor", "content-appearance-published", "emoji-title-published", "review-date", "theme"}

// readableProperty returns the key of a property, and its value.
func readableProperty(j int, h uint64) (key, value string) {
	key = propertyKeys[j%len(propertyKeys)]
	if j >= len(propertyKeys) {
		key += "." + strconv.Itoa(j)
	}
	values := [...][2]string{
		{`"v2"`, `"v1"`}, {`"full-width"`, `"default"`}, {`"1f680"`, `"1f4d8"`}, {`{"due":"2026-12-01","done":false}`, `{"due":null,"done":true}`},
		{`{"dark":true}`, `{"dark":false}`},
	}
	return key, values[j%len(values)][draw(h, 2)]
}

// fileSizes are the least size of a file by type, in bytes, and how many times that the largest is.
var fileSizes = [len(mediaTypes)][2]int{{2_000, 40}, {20_000, 80}, {500, 60}, {60_000, 120}, {15_000, 90}}

// readableSize is the size of a file. Most are small.
func readableSize(media int, h uint64) int64 {
	least, most := fileSizes[media][0], fileSizes[media][1]
	times := 1 + draw(h, most)*draw(mix(h), most)/most
	return int64(least*times + draw(mix(h+1), least))
}

var remarks = [...]string{
	"typo", "numbers of this quarter", "after the review", "links mended", "new owner", "first draft", "agreed in the meeting",
	"screenshots renewed", "shorter", "feedback worked in",
}

var sentences = [...]string{
	"The service runs in two regions and fails over within five minutes.",
	"Everyone who joins the team reads this page in the first week.",
	"We decided against a second database because nobody would have looked after it.",
	"Please ask in the team channel before you change anything here.",
	"The numbers are those of the last full month.",
	"Customers see the new page once the flag is on for their region.",
	"If the queue grows beyond 10,000 messages, restart the workers one at a time.",
	"The contract ends in March, and the notice has to be sent by the end of the year.",
	"Three of the five risks are gone since the last review.",
	"The old export stays available until every partner has moved.",
	"Backups are restored to a test system on the first Monday of the month.",
	"What is still open stands at the end of the page.",
	"The team meets on Tuesdays at ten and keeps the notes below.",
	"Support answers within four hours on working days.",
	"The migration took two evenings, and no customer noticed.",
	"Each alert links to the step of this runbook that deals with it.",
	"New colleagues get access on their first day, and the rest after the security training.",
	"We ship every second Wednesday and announce it the day before.",
	"The page loads in under a second for nine of ten visitors.",
	"Ask finance before you sign anything above the limit.",
	"Two people have to approve a change of the production settings.",
	"The pilot ends when twenty customers have used it for a month.",
	"Error messages name the invoice, so that support can find it.",
}

// readableText appends a remark or, where many words are wanted, a sentence.
func readableText(b []byte, h uint64, words int) []byte {
	if words > 4 {
		return append(b, sentences[draw(h, len(sentences))]...)
	}
	return append(b, remarks[draw(h, len(remarks))]...)
}

// readableParagraphs makes the pieces that bodies are put together from, as paragraphs does.
func readableParagraphs(seed uint64) [2][]string {
	var out [2][]string
	for p := range 64 {
		h := mix(seed + uint64(p)*77)
		say := func(n int) string { return sentences[(draw(h, len(sentences))+n*5)%len(sentences)] }
		subject, form := subjects[draw(h, len(subjects))], pageForms[draw(mix(h), len(pageForms))]
		text := say(0) + " " + say(1)
		storage := `<p>` + text + `</p>\n`
		switch p % 8 {
		case 1:
			storage = `<h2>` + subject + `: ` + form + `</h2>\n` + storage
		case 3:
			storage = `<ul><li><p>` + say(2) + `</p></li><li><p>` + say(3) + `</p></li></ul>\n`
		case 5:
			storage = `<table><tbody><tr><th>What</th><th>Until</th></tr><tr><td>` + subject + ` ` + form + `</td><td>2026-11-30</td></tr>` +
				`<tr><td>` + subject + ` ` + pageForms[p/8] + `</td><td>2026-12-15</td></tr></tbody></table>\n`
		case 7:
			storage = `<p><strong>` + subject + `.</strong> ` + text + `</p>\n`
		}
		out[0] = append(out[0], storage)
		out[1] = append(out[1], `{\"type\":\"paragraph\",\"content\":[{\"type\":\"text\",\"text\":\"`+text+`\"}]}`)
	}
	return out
}

// readableAssignee is who holds assignment j in a space: people, groups and classes of access in turn.
func (s *Site) readableAssignee(i, j int) (typ, id string) {
	switch groups := s.first[Group]; {
	case j%3 == 1 && groups > 0:
		return "GROUP", string(s.appendID(nil, Group, (j+i)%groups))
	case j%3 == 2:
		return "ACCESS_CLASS", [...]string{"all-licensed-users", "all-product-admins", "jsm-project-admins", "anonymous-users"}[j/3%4]
	}
	return "USER", string(appendAccount(nil, (j*3+i)%writers))
}

// auditObject appends the name of what a record of the audit log is about.
func (s *Site) auditObject(b []byte, kind string, h uint64, i int) []byte {
	pick := func(k Kind) []byte { return s.appendTitle(b, k, draw(h, s.first[k])) }
	switch {
	case !s.opts.Readable:
		return strconv.AppendInt(append(s.appendText(b, h, 2), ' '), int64(i), 10)
	case kind == "Group" && s.first[Group] > 0:
		return s.appendGroupName(b, draw(h, s.first[Group]))
	case kind == "User":
		return s.userName(b, draw(h, writers))
	case kind == "Page" && s.first[Page] > 0:
		return pick(Page)
	case kind == "App":
		return append(b, appNames[draw(h, len(appNames))]...)
	}
	return pick(Space)
}

// auditValue appends the old value of what a record of the audit log is about, or the new one, which is the next.
func (s *Site) auditValue(b []byte, name string, h uint64, next int) []byte {
	values := map[string][]string{
		"Permission": {"View", "Add page", "Delete comment", "Administer"}, "Type": {"Everybody", "Edit restricted", "View restricted"},
		"Active": {"true", "false"}, "Parent": subjects[:], "Version": {"2.4.0", "2.4.1", "2.5.0", "3.0.0"},
	}[name]
	if !s.opts.Readable {
		return s.appendText(b, mix(h+5+uint64(next)), 1)
	}
	return append(b, values[(draw(h, len(values))+next)%len(values)]...)
}
