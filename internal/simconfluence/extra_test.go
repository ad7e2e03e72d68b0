package simconfluence

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestLikes reads likes by both routes.
func TestLikes(t *testing.T) {
	s := New(small())
	for kind, name := range map[string]string{"pages": "page_likes", "blogposts": "blog_post_likes"} {
		truth := map[string]int{}
		for row := range s.Truth(name, TruthOptions{}) {
			truth[row.Parent]++
		}
		most := 0
		for _, row := range allRows(t, s, stream.V2+"/"+kind) {
			id := field(t, row, "id")
			answers(t, "/"+kind+"/{id}/likes/users", get(t, s, stream.Path("/"+kind+"/{id}/likes/users", id)))
			rows := allRows(t, s, stream.Path("/"+kind+"/{id}/likes/users?limit=7", id))
			if len(rows) != truth[id] {
				t.Errorf("%s: %d likes, truth has %d", id, len(rows), truth[id])
			}
			most = max(most, len(rows))
			got := get(t, s, stream.Path("/"+kind+"/{id}?include-likes=true", id))
			answers(t, "/"+kind+"/{id}", got)
			if n := strings.Count(string(got.body), `{"accountId":`); n != min(len(rows), 50) {
				t.Errorf("%s: %d likes in the block, want %d", id, n, len(rows))
			}
		}
		if kind == "pages" && most != 300 {
			t.Errorf("%d likes at most", most)
		}
	}
}

// TestAudit reads the audit log.
func TestAudit(t *testing.T) {
	s := New(Options{AuditRecords: 2300})
	const route = "/wiki/rest/api/audit"
	rows := offsetRows(t, s, route, 1000)
	truth := rowsOf(s, "audit_records")
	texts, last := 0, int64(1<<62)
	seen := map[string]bool{}
	for _, row := range rows {
		seen[string(row)] = true
		if strings.Contains(string(row), `"creationDate":"`) {
			texts++
		}
		at := int64(0)
		if _, err := fmt.Sscan(field(t, row, "creationDate"), &at); err != nil || at > last {
			t.Fatalf("%d after %d: %v", at, last, err)
		}
		last = at
	}
	for _, row := range truth {
		if !seen[row] {
			t.Errorf("the log lacks %s", row)
		}
	}
	if len(rows) != 2300 || len(truth) != 2300 || len(seen) != 2300 || texts == 0 || texts > 300 {
		t.Errorf("%d records, truth has %d, %d unlike, %d dates are text", len(rows), len(truth), len(seen), texts)
	}
	if got := get(t, s, route+"?limit=3000"); decode(t, got.body)["size"] != json.Number("1000") {
		t.Errorf("more than a thousand: %.80s", got.body)
	}
	middle := s.Now().Add(-time.Hour).UnixMilli()
	s.Create(AuditRecord)
	fresh := offsetRows(t, s, fmt.Sprintf("%s?startDate=%d", route, middle), 1000)
	if len(fresh) != 1 {
		t.Errorf("%d records of the last hour", len(fresh))
	}
	if n := len(offsetRows(t, s, fmt.Sprintf("%s?endDate=%d", route, middle), 1000)) + len(fresh); n != 2301 {
		t.Errorf("%d records on both sides of a date", n)
	}
}

// TestAuditFits says that nothing but dates deviates from the documents.
func TestAuditFits(t *testing.T) {
	s := New(Options{AuditRecords: 40})
	facts := apifacts.Load()
	v := decode(t, get(t, s, "/wiki/rest/api/audit").body)
	allow := func(d *apifacts.Deviation) bool {
		return facts.Observed.Allows(d) // dates that are text are a wrong type, which nothing allows
	}
	err := facts.CheckAnswer(facts.Operation("/wiki/rest/api/audit"), v, allow)
	for line := range strings.SplitSeq(fmt.Sprint(err), "\n") {
		if !strings.Contains(line, "creationDate") {
			t.Errorf("%s", line)
		}
	}
}

// TestOtherComments reads comments on attachments and custom content.
func TestOtherComments(t *testing.T) {
	s := New(Scaled(7, 400))
	for name, kind := range map[string]string{"attachment_footer_comments": "attachments", "custom_content_footer_comments": "custom-content"} {
		plain, replied := map[string]bool{}, 0
		var down func(comment string)
		down = func(comment string) {
			for _, row := range allRows(t, s, stream.Path("/footer-comments/{id}/children", comment)) {
				replied++
				plain[field(t, row, "id")] = true
				down(field(t, row, "id"))
			}
		}
		l := stream.Attachments
		if kind != "attachments" {
			l = stream.CustomContent
		}
		for _, parent := range listing(t, s, l) {
			for _, row := range allRows(t, s, stream.Path("/"+kind+"/{id}/footer-comments", field(t, parent, "id"))) {
				plain[field(t, row, "id")] = true
				down(field(t, row, "id"))
			}
		}
		truth := rowsOf(s, name)
		for id := range plain {
			if truth[id] == "" {
				t.Errorf("%s: truth has no %s", name, id)
			}
		}
		if len(truth) != len(plain) || replied == 0 {
			t.Errorf("%s: truth has %d, plain routes %d, %d of them replies", name, len(truth), len(plain), replied)
		}
	}
	if n := count(s, "labels", TruthOptions{}); n != len(allRows(t, s, stream.V2+"/labels?limit=250")) {
		t.Errorf("%d labels", n)
	}
}
