package simconfluence

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// rowsOf returns a stream's rows by key.
func rowsOf(s *Site, name string) map[string]string {
	rows := map[string]string{}
	for row := range s.Truth(name, TruthOptions{BodyFormat: "storage"}) {
		rows[strings.Join(row.Key, " ")] = string(row.Data)
	}
	return rows
}

// TestEdit makes new versions, which come first in the order of change.
func TestEdit(t *testing.T) {
	streams := map[Kind]string{
		Page: "pages", BlogPost: "blog_posts", Attachment: "attachments", FooterComment: "page_footer_comments",
		InlineComment: "page_inline_comments", CustomContent: "custom_content", Task: "tasks",
	}
	for k, name := range streams {
		s := New(small())
		before := rowsOf(s, name)
		var id string
		for row := range s.Truth(name, TruthOptions{}) {
			id = row.Key[0]
		}
		was := s.Now()
		if err := s.Edit(k, id); err != nil {
			t.Fatal(err)
		}
		after := rowsOf(s, name)
		if len(after) != len(before) || after[id] == before[id] {
			t.Errorf("%s %s: %d rows of %d, changed: %v", k, id, len(after), len(before), after[id] != before[id])
		}
		for key, row := range before {
			if key != id && after[key] != row {
				t.Errorf("%s %s changed too", k, key)
			}
		}
		if k == Task {
			continue
		}
		path := stream.V2 + map[Kind]string{
			Page: "/pages?", BlogPost: "/blogposts?", Attachment: "/attachments?", FooterComment: "/footer-comments?",
			InlineComment: "/inline-comments?", CustomContent: "/custom-content?type=" + typeOf(s, k, id) + "&",
		}[k] + "limit=1&sort=-modified-date"
		first := allRows(t, s, path)[0]
		version, _ := decode(t, first)["version"].(map[string]any)
		at, err := time.Parse(time.RFC3339, version["createdAt"].(string))
		if field(t, first, "id") != id || err != nil || !at.After(was) {
			t.Errorf("%s: newest is %.300s", k, first)
		}
	}
}

func typeOf(s *Site, k Kind, id string) string {
	i, _ := s.find(k, id)
	return customTypes[s.customType(i)]
}

// TestEditKeepsHistory says that old versions stay what they were.
func TestEditKeepsHistory(t *testing.T) {
	s := New(small())
	before := rowsOf(s, "page_versions")
	id := string(s.appendID(nil, Page, 1))
	if err := s.EditAt(Page, id, s.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	after := rowsOf(s, "page_versions")
	if len(after) != len(before)+1 {
		t.Errorf("%d versions after %d", len(after), len(before))
	}
	for key, row := range before {
		cut := func(row string) string { head, _, _ := strings.Cut(row, `,"page":`); return head }
		if cut(after[key]) != cut(row) {
			t.Errorf("version %s was %s, is %s", key, cut(row), cut(after[key]))
		}
	}
}

// TestStatusAndDelete moves a page into the trash and out of the world.
func TestStatusAndDelete(t *testing.T) {
	s := New(small())
	id := string(s.appendID(nil, Page, 2))
	path := stream.V2 + "/pages/" + id
	if got := get(t, s, path); got.status != 200 {
		t.Fatalf("%d", got.status)
	}
	before := count(s, "pages", TruthOptions{})
	if err := s.SetStatus(Page, id, trashed); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, path); got.status != 404 {
		t.Errorf("trashed: %d", got.status)
	}
	ids := func(query string) []string {
		var ids []string
		for _, row := range allRows(t, s, stream.V2+"/pages?"+query) {
			ids = append(ids, field(t, row, "id"))
		}
		return ids
	}
	if !slices.Contains(ids("status=trashed"), id) || slices.Contains(ids("limit=250"), id) {
		t.Error("the page is not in the trash alone")
	}
	if n := count(s, "pages", TruthOptions{}); n != before-1 {
		t.Errorf("%d pages, want %d", n, before-1)
	}
	if err := s.SetStatus(Page, id, current); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, path); got.status != 200 {
		t.Errorf("restored: %d", got.status)
	}
	if err := s.Delete(Page, id); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(ids("status=trashed,current,archived,deleted"), id) {
		t.Error("a page that is gone is listed")
	}
	if err := s.Edit(Page, id); err == nil {
		t.Error("a page that is gone can be edited")
	}
}

// TestGroupsChange creates and deletes groups: the list shifts.
func TestGroupsChange(t *testing.T) {
	s := New(Options{Groups: 5})
	first := rowsOf(s, "groups")
	id := s.Create(Group)
	if got := rowsOf(s, "groups"); len(got) != 6 || !strings.Contains(got[id], id) {
		t.Errorf("%v", got)
	}
	for gone := range first {
		if err := s.Delete(Group, gone); err != nil {
			t.Fatal(err)
		}
	}
	if rows := offsetRows(t, s, "/wiki/rest/api/group", 2); len(rows) != 1 || field(t, rows[0], "id") != id {
		t.Errorf("%s", rows)
	}
	if err := s.Delete(Group, "none"); err == nil {
		t.Error("a group that isn't there was deleted")
	}
}

// TestClock says that time moves by changes and by Advance only.
func TestClock(t *testing.T) {
	s := New(small())
	start := s.Now()
	s.Advance(time.Hour)
	id := s.Create(Page)
	if got := s.Now(); !got.Equal(start.Add(time.Hour + time.Second)) {
		t.Errorf("it is %v after %v", got, start)
	}
	i, _ := s.find(Page, id)
	if s.created(Page, i) != s.Now().UnixMilli() {
		t.Errorf("created at %d", s.created(Page, i))
	}
}

// TestLies says that each lie shows at its shortcut and not at the plain route.
func TestLies(t *testing.T) {
	s := New(small())
	page0 := string(s.appendID(nil, Page, 0))
	rows := func(path string) int { return len(allRows(t, s, stream.V2+path)) }
	archivedPage := string(s.appendID(nil, Page, 4))
	comments, plainComments := rows("/footer-comments"), rows("/pages/"+page0+"/footer-comments")

	s.SetLies(Lies{NoReplies: true})
	if n := rows("/footer-comments"); n >= comments || n == 0 {
		t.Errorf("%d comments without replies, %d with", n, comments)
	}
	if n := rows("/pages/" + page0 + "/footer-comments"); n != plainComments {
		t.Errorf("%d comments of a page, want %d", n, plainComments)
	}
	big := New(Scaled(7, 400))
	whole := len(allRows(t, big, stream.V2+"/footer-comments?limit=250"))
	big.SetLies(Lies{NoArchivedComments: true})
	if n := len(allRows(t, big, stream.V2+"/footer-comments?limit=250")); n >= whole {
		t.Errorf("%d comments without those of archived pages, %d with", n, whole)
	}
	labelled := func() (n int) {
		for _, row := range allRows(t, big, stream.V2+"/labels?limit=250") {
			n += len(allRows(t, big, stream.V2+"/labels/"+field(t, row, "id")+"/pages?limit=250"))
		}
		return n
	}
	if n := labelled(); n != count(big, "page_labels", TruthOptions{}) {
		t.Errorf("%d labels by label, want %d", n, count(big, "page_labels", TruthOptions{}))
	}
	big.SetLies(Lies{NoArchivedLabelled: true})
	if n := labelled(); n >= count(big, "page_labels", TruthOptions{}) {
		t.Errorf("%d labels by label without archived pages", n)
	}
	first, other := 0, 0
	s.SetLies(Lies{FirstVersions: true})
	for row := range s.Truth("attachments", TruthOptions{}) {
		i, _ := s.find(Attachment, row.Key[0])
		if s.version(Attachment, i) == 1 {
			first++
			if s.versionTime(Attachment, i, 1) != s.modified(Attachment, i) {
				other++
			}
		}
	}
	if other == 0 || other == first {
		t.Errorf("%d of %d attachments at version 1 have another history", other, first)
	}
	s.SetLies(Lies{NoChangeSort: true})
	if got := get(t, s, stream.V2+"/pages?sort=-modified-date"); got.status != 500 {
		t.Errorf("sorted by change: %d", got.status)
	}
	if got := get(t, s, stream.V2+"/pages/"+archivedPage+"?include-labels=true"); got.status != 200 {
		t.Errorf("archived page: %d", got.status)
	}
}

// TestCombinedReads says that blocks hold what the lists do, up to fifty rows.
func TestCombinedReads(t *testing.T) {
	s := New(small())
	for i, want := range map[int][3]int{0: {-1, -1, 50}, 1: {50, -1, 50}, 2: {50, -1, -1}, 3: {-1, 50, -1}} {
		id := string(s.appendID(nil, Page, i))
		path := stream.V2 + "/pages/" + id
		item := decode(t, get(t, s, path+"?include-labels=true&include-properties=true&include-versions=true").body)
		for b, name := range []string{"labels", "properties", "versions"} {
			block, _ := item[name].(map[string]any)
			got, _ := block["results"].([]any)
			meta, _ := block["meta"].(map[string]any)
			links, _ := block["_links"].(map[string]any)
			list := allRows(t, s, path+"/"+name+"?limit=250")
			if links["self"] != "/api/v2/pages/"+id+"/"+name {
				t.Errorf("self is %v", links["self"])
			}
			if want[b] < 0 {
				if len(got) != len(list) || meta["hasMore"] != false || meta["cursor"] != nil {
					t.Errorf("page %d has %d %s of %d, %v", i, len(got), name, len(list), meta)
				}
				continue
			}
			rest := allRows(t, s, path+"/"+name+"?limit=250&cursor="+meta["cursor"].(string))
			if len(got) != want[b] || meta["hasMore"] != true || len(got)+len(rest) != len(list) {
				t.Errorf("page %d has %d and %d more %s of %d, %v", i, len(got), len(rest), name, len(list), meta)
			}
		}
	}
	s.SetLies(Lies{CombinedCut: 25})
	item := decode(t, get(t, s, stream.V2+"/pages/"+string(s.appendID(nil, Page, 1))+"?include-labels=true").body)
	block, _ := item["labels"].(map[string]any)
	got, _ := block["results"].([]any)
	meta, _ := block["meta"].(map[string]any)
	if len(got) != 25 || meta["hasMore"] != false {
		t.Errorf("cut: %d labels, %v", len(got), meta)
	}
	space := decode(t, get(t, s, stream.V2+"/spaces/"+string(s.appendID(nil, Space, 0))+"?include-permissions=true").body)
	if space["permissions"] == nil || space["currentActiveAlias"] == nil {
		t.Errorf("space: %v", space)
	}
}

// TestBackdatedVersions pages through versions of which a later one has an earlier time.
func TestBackdatedVersions(t *testing.T) {
	s := New(small())
	id := string(s.appendID(nil, BlogPost, 0))
	whole := len(allRows(t, s, stream.V2+"/blogposts/"+id+"/versions?limit=250"))
	for _, ago := range []time.Duration{time.Minute, time.Hour} {
		if err := s.EditAt(BlogPost, id, s.Now().Add(-ago)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(allRows(t, s, stream.V2+"/blogposts/"+id+"/versions?limit=1")); n != whole+2 {
		t.Errorf("%d versions, one a page, of %d", n, whole+2)
	}
}

// TestRestoreInsideTrash restores attachments of custom content that nobody can open: they stay in the trash.
func TestRestoreInsideTrash(t *testing.T) {
	o := small()
	o.CustomContent = 400
	s := New(o)
	n := 0
	for i := range s.n[Attachment] {
		c, j := s.container(Attachment, i)
		if c != CustomContent || s.status(c, j) != current || s.open(c, j) || !s.visible(c, j) {
			continue
		}
		n++
		if err := s.SetStatus(Attachment, string(s.appendID(nil, Attachment, i)), current); err != nil {
			t.Fatal(err)
		}
		if got := s.status(Attachment, i); got != trashed {
			t.Errorf("attachment %d is %s", i, got)
		}
	}
	if n == 0 {
		t.Error("no attachment lies in closed custom content")
	}
}
