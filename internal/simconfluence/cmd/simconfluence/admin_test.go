package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// ask asks a site with its admin routes and returns the status and the body.
func ask(t *testing.T, h http.Handler, method, path string) (int, []byte) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return w.Code, w.Body.Bytes()
}

// told returns the ids that a change answered with.
func told(t *testing.T, h http.Handler, path string) []string {
	t.Helper()
	status, body := ask(t, h, http.MethodPost, path)
	var answer struct{ IDs []string }
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d: %v in %s", path, status, err, body)
	}
	return answer.IDs
}

// rows reads the truth of a stream: its rows by the first part of their keys.
func rows(t *testing.T, h http.Handler, query string) map[string]map[string]any {
	t.Helper()
	status, body := ask(t, h, http.MethodGet, "/_admin/truth?stream="+query)
	if status != http.StatusOK {
		t.Fatalf("%s: %d: %s", query, status, body)
	}
	found := map[string]map[string]any{}
	for line := range bytes.Lines(body) {
		var row struct {
			Key []string
			Row map[string]any
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		found[row.Key[0]] = row.Row
	}
	return found
}

// TestAdminTruth tells as many rows as the site counts, narrowed where that is asked for.
func TestAdminTruth(t *testing.T) {
	site := simconfluence.New(simconfluence.Scaled(3, 60))
	h := admin(site)
	counts := site.Counts(simconfluence.TruthOptions{})
	for _, name := range stream.Names() {
		if _, body := ask(t, h, http.MethodGet, "/_admin/truth?stream="+name); bytes.Count(body, []byte("\n")) != counts[name] {
			t.Errorf("%s: %d lines, want %d", name, bytes.Count(body, []byte("\n")), counts[name])
		}
	}
	all, narrow := rows(t, h, "pages"), rows(t, h, "pages&body_format=atlas_doc_format&space_key="+site.SpaceKey(0))
	if len(narrow) == 0 || len(narrow) >= len(all) {
		t.Errorf("%d of %d pages are in one space", len(narrow), len(all))
	}
	for id, page := range narrow {
		if body, ok := page["body"].(map[string]any); !ok || body["atlas_doc_format"] == nil || page["spaceId"] != narrow[id]["spaceId"] {
			t.Fatalf("page %s has the body %.100v", id, page["body"])
		}
	}
}

// TestAdminChanges edits, creates and deletes items of every stream that can be changed.
func TestAdminChanges(t *testing.T) {
	site := simconfluence.New(simconfluence.Scaled(3, 60))
	h := admin(site)
	for name := range kinds {
		before := rows(t, h, name)
		n := min(2, len(before))
		if n == 0 {
			continue
		}
		edited := told(t, h, "/_admin/edit?n=2&stream="+name)
		after := rows(t, h, name)
		if len(edited) != n || len(after) != len(before) {
			t.Errorf("%s: edited %v of %d, now %d", name, edited, len(before), len(after))
		}
		for _, id := range edited {
			if was, is := text(t, before[id]), text(t, after[id]); was == is {
				t.Errorf("%s: %s is as it was: %.300s", name, id, is)
			}
		}
		gone := told(t, h, "/_admin/delete?n=1&stream="+name)
		if len(gone) != 1 || rows(t, h, name)[gone[0]] != nil {
			t.Errorf("%s: %v is still there", name, gone)
		}
	}
	made := told(t, h, "/_admin/create?n=3&stream=pages")
	for _, id := range made {
		if rows(t, h, "pages")[id] == nil {
			t.Errorf("the page %s is not there", id)
		}
	}
	if len(made) != 3 {
		t.Errorf("made %v", made)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAdminRefuses what it doesn't know, and serves the site beside it.
func TestAdminRefuses(t *testing.T) {
	site := simconfluence.New(simconfluence.Scaled(3, 20))
	for path, want := range map[string]int{
		"GET /_admin/truth?stream=none": 404, "POST /_admin/edit?stream=groups&n=1": 400, "POST /_admin/edit?stream=pages": 400,
		"POST /_admin/delete?stream=pages&n=0": 400, "GET /wiki/api/v2/pages": 200,
	} {
		method, path, _ := bytes.Cut([]byte(path), []byte(" "))
		if status, body := ask(t, admin(site), string(method), string(path)); status != want {
			t.Errorf("%s: %d, want %d: %.100s", path, status, want, body)
		}
	}
	if status, _ := ask(t, site, http.MethodPost, "/_admin/edit?stream=pages&n=1"); status == http.StatusOK {
		t.Error("the site itself takes changes")
	}
}
