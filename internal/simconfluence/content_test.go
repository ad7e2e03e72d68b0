package simconfluence

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestContentIsNasty says that a site of ordinary size has every nasty case.
func TestContentIsNasty(t *testing.T) {
	s := New(Scaled(7, 400))
	var text bytes.Buffer
	for _, name := range stream.Names() {
		for _, format := range []string{"storage", "atlas_doc_format"} {
			for row := range s.Truth(name, TruthOptions{BodyFormat: format, Statuses: []string{current, archived, trashed, deleted}}) {
				if !json.Valid(row.Data) || !utf8.Valid(row.Data) {
					t.Fatalf("%s %v is no JSON: %q", name, row.Key, row.Data)
				}
				text.Write(row.Data)
				text.WriteByte('\n')
			}
		}
	}
	for _, has := range append([]string{
		`"parentType":"folder"`, `"parentType":null`, `"parentType":"page"`, `"status":"archived"`, `"status":"trashed"`,
		`"status":"deleted"`, `"subtype":"live"`, `"lastOwnerId":null`, `"position":null`, `"ncsStepVersion":null`, `"ncsStepVersion":"`,
		`"contributorIds":[`, `"mediaTypeDescription":null`, `"fileSize":9007199254740993`, `"customContentId":`, `"blogPostId":`,
		`"homepageId":null`, `"icon":null`, `"icon":{`, `"type":"personal"`, `"assignedTo":null`, `"dueAt":null`, `"completedAt":null`,
		`"type":"access-class"`, `"key":"manage_templates"`, `"prefix":"my"`, `"prefix":"team"`, `"prefix":"global"`,
		`"resolutionStatus":"dangling"`, `"resolutionStatus":"resolved"`, `"resolutionStatus":"reopened"`, `"resolutionLastModifierId":`,
		`"inline-marker-ref":`, `"parentCommentId":`, `"body":{}`, `"type":"ac:`, `"type":"forge:`, `"id":"att9007`, `"id":"9007199254740993`,
		`:00Z"`, `.000Z"`, `(before)`, `,"value":{"enabled`, `},"key":"`, // a property without a value
	}, append(nasty[:], values[0], values[6], values[8])...) {
		if !bytes.Contains(text.Bytes(), []byte(has)) {
			t.Errorf("nothing has %s", has)
		}
	}
}

// TestHardEvery says that hard text can be made rare, without making the site another one.
func TestHardEvery(t *testing.T) {
	o := Scaled(7, 1000)
	hard := func(every int) (n int) {
		o.HardEvery = every
		s := New(o)
		for row := range s.Truth("pages", TruthOptions{BodyFormat: "storage", Statuses: []string{current}}) {
			if !json.Valid(row.Data) {
				t.Fatalf("every %d: %v is no JSON: %q", every, row.Key, row.Data)
			}
			for _, text := range nasty {
				if bytes.Contains(row.Data, []byte(text)) && !slices.Contains(everyday[:], text) {
					n++
					break
				}
			}
		}
		return n
	}
	many, few := hard(0), hard(100)
	if many < 500 || few == 0 || few > 67 {
		t.Errorf("of 1,000 pages %d hold hard text, and %d where it is rare", many, few)
	}
}

// TestRepliesAreDeep says that threads go three replies deep, on everything that has comments.
func TestRepliesAreDeep(t *testing.T) {
	s := New(Scaled(7, 4000))
	for k, on := range map[Kind][]Kind{FooterComment: {Page, BlogPost, Attachment, CustomContent}, InlineComment: {Page, BlogPost}} {
		depth := map[Kind]int{}
		for i := range s.n[k] {
			d := 0
			for p := s.repliesTo(k, i); p >= 0; p = s.repliesTo(k, p) {
				d++
			}
			c, _ := s.container(k, i)
			depth[c] = max(depth[c], d)
		}
		for _, c := range on {
			if depth[c] < 3 {
				t.Errorf("%ss on a %s are %d deep", k, c, depth[c])
			}
		}
	}
}

// TestShares checks how much of each kind is at version 1.
func TestShares(t *testing.T) {
	s := New(Scaled(7, 4000))
	for k, want := range map[Kind]int{Page: 60, BlogPost: 70, Attachment: 85} {
		first := 0
		for i := range s.n[k] {
			if s.version(k, i) == 1 {
				first++
			}
		}
		if share := first * 100 / s.n[k]; share < want-6 || share > want+6 {
			t.Errorf("%d%% of the %ss are at version 1, want %d%%", share, k, want)
		}
	}
	for name, most := range map[string]int{"page_labels": 251, "page_versions": 251, "page_content_properties": 51, "space_permissions": 251} {
		of := map[string]int{}
		top := 0
		for row := range s.Truth(name, TruthOptions{}) {
			of[row.Parent]++
			top = max(top, of[row.Parent])
		}
		if top < most {
			t.Errorf("no parent has more than %d %s", top, name)
		}
	}
}

// TestIDs says that ids ascend as text and number do not, and come back as their items.
func TestIDs(t *testing.T) {
	s := New(Scaled(7, 100))
	seen := map[int64]Kind{}
	for k := range Kind(kinds) {
		if k == Group {
			continue // by UUID
		}
		last := int64(0)
		for i := range s.n[k] {
			id := s.id(k, i)
			if id <= last {
				t.Fatalf("%s %d has id %d after %d", k, i, id, last)
			}
			last = id
			if was, ok := seen[id]; ok {
				t.Errorf("%s and %s share id %d", k, was, id)
			}
			seen[id] = k
			if back, ok := s.ordinal(k, id); !ok || back != i {
				t.Errorf("id %d of %s %d leads to %d", id, k, i, back)
			}
		}
		if s.n[k] > 1 && last < 1<<53 {
			t.Errorf("no %s has an id beyond 2^53", k)
		}
	}
	for _, id := range []int64{-1, 0, 1, lowID - 1, lowID + 1, highID - 1, highID + highRange/2, 1 << 62} {
		if i, ok := s.ordinal(Space, id); ok {
			t.Errorf("id %d leads to space %d", id, i)
		}
	}
}

// TestBodies asks for bodies of a size.
func TestBodies(t *testing.T) {
	o := small()
	o.BodyBytes = 5000
	o.BodyBytesOf = func(k Kind, i int) int {
		if k == Page && i == 2 {
			return 3 << 20
		}
		return -1
	}
	s := New(o)
	for i, want := range map[int]int{1: 5000, 2: 3 << 20} {
		for _, format := range []string{"storage", "atlas_doc_format"} {
			path := stream.V2 + "/pages/" + string(s.appendID(nil, Page, i)) + "?body-format=" + format
			var row struct {
				Body map[string]struct{ Representation, Value string }
			}
			if err := json.Unmarshal(get(t, s, path).body, &row); err != nil {
				t.Fatal(err)
			}
			body := row.Body[format]
			if len(body.Value) < want*3/4 || len(body.Value) > want+2000 || body.Representation != format || len(row.Body) != 1 {
				t.Errorf("%s: a body of %d bytes, want %d", path, len(body.Value), want)
			}
			if format == "atlas_doc_format" && !json.Valid([]byte(body.Value)) {
				t.Errorf("%s: the document is no JSON", path)
			}
		}
	}
}

// TestFilters asks for parts of lists, and for the rest.
func TestFilters(t *testing.T) {
	s := New(Scaled(7, 400))
	space := string(s.appendID(nil, Space, 1))
	page1 := string(s.appendID(nil, Page, 1))
	row := decode(t, get(t, s, stream.V2+"/pages/"+page1).body)
	task := decode(t, allRows(t, s, stream.V2+"/tasks?limit=250")[5])
	due := ""
	for _, r := range allRows(t, s, stream.V2+"/tasks?limit=250") {
		if v := decode(t, r); v["dueAt"] != nil && v["pageId"] != nil && v["assignedTo"] != nil {
			task = v
			due = strconv.FormatInt(mustInstant(t, v["dueAt"].(string)), 10)
		}
	}
	state := s.resolution(InlineComment, 0) // the first thread is on the first page
	text := func(m map[string]any, name string) string { v, _ := m[name].(string); return v }
	tests := []struct {
		path, field, want string
		only              bool // there is exactly one
	}{
		{"/pages?space-id=" + space, "spaceId", space, false},
		{"/pages?id=" + page1, "id", page1, true},
		{"/pages?title=" + url.QueryEscape(text(row, "title")), "title", text(row, "title"), true},
		{"/pages?subtype=live", "subtype", "live", false},
		{"/pages?status=archived", "status", archived, false},
		{"/blogposts?space-id=" + space, "spaceId", space, false},
		{"/blogposts?status=trashed", "status", trashed, false},
		{"/spaces?ids=" + space, "id", space, true},
		{"/spaces?keys=" + url.QueryEscape(s.SpaceKey(1)), "key", s.SpaceKey(1), true},
		{"/spaces?type=personal", "type", "personal", false},
		{"/spaces?status=archived", "status", archived, false},
		{"/labels?prefix=my", "prefix", "my", false},
		{"/labels?label-id=" + string(s.appendID(nil, Label, 9)), "id", string(s.appendID(nil, Label, 9)), true},
		{"/pages/" + page1 + "/labels?prefix=my", "prefix", "my", false},
		{"/spaces/" + space + "/pages", "spaceId", space, false},
		{"/spaces/" + space + "/blogposts", "spaceId", space, false},
		{"/attachments?status=trashed", "status", trashed, false},
		{"/attachments?mediaType=image/png", "mediaType", "image/png", false},
		{"/pages/" + string(s.appendID(nil, Page, 0)) + "/inline-comments?resolution-status=" + state, "resolutionStatus", state, false},
		{"/tasks?status=complete", "status", "complete", false},
		{"/tasks?space-id=" + space, "spaceId", space, false},
		{"/tasks?page-id=" + text(task, "pageId"), "pageId", text(task, "pageId"), false},
		{"/tasks?task-id=" + text(task, "id"), "id", text(task, "id"), true},
		{"/tasks?assigned-to=" + text(task, "assignedTo"), "assignedTo", text(task, "assignedTo"), false},
		{"/tasks?due-at-from=" + due + "&due-at-to=" + due, "dueAt", text(task, "dueAt"), false},
		{"/custom-content?type=" + s.CustomTypes()[1], "type", s.CustomTypes()[1], false},
	}
	for _, test := range tests {
		rows := allRows(t, s, stream.V2+test.path)
		if len(rows) == 0 || test.only && len(rows) > 1 {
			t.Errorf("%s: %d rows", test.path, len(rows))
		}
		for _, r := range rows {
			if got := field(t, r, test.field); got != test.want {
				t.Errorf("%s: %s is %q", test.path, test.field, got)
			}
		}
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
}

func mustInstant(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMilli()
}

// TestSearchCounts compares what the search counts with the truth.
func TestSearchCounts(t *testing.T) {
	s := New(Scaled(7, 400))
	keys := s.SpaceKeys()[:2]
	in := `"` + strings.Join(keys, `","`) + `"`
	only := []string{current}
	tests := []struct {
		cql    string
		stream []string
		o      TruthOptions
	}{
		{"type=page", []string{"pages"}, TruthOptions{Statuses: only}},
		{`type = "page" and space in (` + in + `)`, []string{"pages"}, TruthOptions{Statuses: only, SpaceKeys: keys}},
		{`type=page and space not in (` + in + `) order by created`, []string{"pages"}, TruthOptions{Statuses: only, ExcludeSpaceKeys: keys}},
		{"type=blogpost", []string{"blog_posts"}, TruthOptions{}},
		{"type=attachment", []string{"attachments"}, TruthOptions{}},
		{`type not in (page, blogpost, attachment, comment, folder, whiteboard, database, embed)`, []string{"custom_content"}, TruthOptions{}},
	}
	for _, test := range tests {
		want := 0
		for _, name := range test.stream {
			want += count(s, name, test.o)
		}
		got := get(t, s, "/wiki/rest/api/search?limit=2&includeArchivedSpaces=true&cql="+url.QueryEscape(test.cql))
		v := decode(t, got.body)
		results, _ := v["results"].([]any)
		n, _ := v["totalSize"].(json.Number)
		told, err := n.Int64()
		if err != nil {
			t.Fatal(err)
		}
		if off := max(int(told)-want, want-int(told)); want <= exactTotal && off > 0 || off*100 > want*3 || len(results) != 2 || v["cqlQuery"] != test.cql {
			t.Errorf("%s: %v and %d results, want %d", test.cql, v["totalSize"], len(results), want)
		}
	}
	custom := map[string]bool{}
	for _, row := range searchRows(t, s, `type not in (page,blogpost,attachment,comment)`) {
		var hit struct{ Content struct{ ID, Type string } }
		if err := json.Unmarshal(row, &hit); err != nil {
			t.Fatal(err)
		}
		custom[hit.Content.Type] = true
	}
	for _, typ := range s.CustomTypes() {
		if !custom[typ] {
			t.Errorf("the search finds no %s", typ)
		}
	}
	if got := get(t, s, "/wiki/rest/api/search?cql=nonsense"); got.status != 400 {
		t.Errorf("nonsense: %d", got.status)
	}
}

// searchRows follows a search to its end.
func searchRows(t *testing.T, s *Site, cql string) []json.RawMessage {
	t.Helper()
	var rows []json.RawMessage
	path := "/rest/api/search?limit=7&cql=" + url.QueryEscape(cql)
	for path != "" {
		var p page
		if err := json.Unmarshal(get(t, s, "/wiki"+path).body, &p); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, p.Results...)
		path = p.Links.Next
	}
	return rows
}
