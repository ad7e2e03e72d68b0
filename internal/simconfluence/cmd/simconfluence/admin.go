package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// kinds are the streams whose items can be changed, and what an item of them is.
var kinds = map[string]simconfluence.Kind{
	"pages": simconfluence.Page, "blog_posts": simconfluence.BlogPost, "attachments": simconfluence.Attachment,
	"page_footer_comments": simconfluence.FooterComment, "blog_post_footer_comments": simconfluence.FooterComment,
	"page_inline_comments": simconfluence.InlineComment, "blog_post_inline_comments": simconfluence.InlineComment,
	"tasks": simconfluence.Task, "custom_content": simconfluence.CustomContent,
}

// admin serves a site, and beside it what a test in another process needs to know of it and
// to do to it, without credentials:
//
//	GET  /_admin/truth?stream=pages          every row that a sync must deliver, as lines of JSON
//	POST /_admin/edit?stream=pages&n=3       new versions of three items
//	POST /_admin/create?stream=pages&n=3     three items more
//	POST /_admin/delete?stream=pages&n=3     three items fewer
//
// The rows are {"key": [...], "parent": "...", "row": {...}}, the row as the stream's plain
// route has it; space_key (repeated) and body_format (storage) narrow and shape them. The
// others answer with {"ids": [...]}, the items that were changed.
func admin(site *simconfluence.Site) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", site)
	mux.HandleFunc("GET /_admin/truth", func(w http.ResponseWriter, r *http.Request) { truth(site, w, r) })
	for name, change := range map[string]func(simconfluence.Kind, string) error{"edit": site.Edit, "delete": site.Delete} {
		mux.HandleFunc("POST /_admin/"+name, func(w http.ResponseWriter, r *http.Request) {
			changeItems(w, r, func(k simconfluence.Kind, name string, n int) ([]string, error) {
				ids := some(site, name, n)
				for _, id := range ids {
					if err := change(k, id); err != nil {
						return nil, err
					}
				}
				return ids, nil
			})
		})
	}
	mux.HandleFunc("POST /_admin/create", func(w http.ResponseWriter, r *http.Request) {
		changeItems(w, r, func(k simconfluence.Kind, _ string, n int) ([]string, error) {
			ids := make([]string, n)
			for i := range ids {
				ids[i] = site.Create(k)
			}
			return ids, nil
		})
	})
	return mux
}

// truth writes the rows of one stream, each on one line. Otherwise they are as the site has
// them: what is odd in them must reach the reader.
func truth(site *simconfluence.Site, w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	name := q.Get("stream")
	if stream.Find(name) == nil {
		http.Error(w, fmt.Sprintf("there is no stream %q", name), http.StatusNotFound)
		return
	}
	o := simconfluence.TruthOptions{
		Statuses: []string{stream.Current, stream.Archived}, BodyFormat: "storage", SpaceKeys: q["space_key"],
	}
	if format := q.Get("body_format"); format != "" {
		o.BodyFormat = format
	}
	if name == "users" { // those of a sync that reads everything
		o.Accounts = append(site.UserIDs(), site.Named(o, slices.Concat(stream.Names(), stream.ExtraNames()))...)
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	var line bytes.Buffer
	for row := range site.Truth(name, o) {
		head, err := json.Marshal(struct {
			Key    []string `json:"key"`
			Parent string   `json:"parent"`
		}{row.Key, row.Parent})
		if err != nil {
			panic(err) // strings
		}
		line.Reset()
		line.Write(head[:len(head)-1])
		line.WriteString(`,"row":`)
		if err := json.Compact(&line, row.Data); err != nil {
			panic(err) // the site's rows are JSON
		}
		line.WriteString("}\n")
		if _, err := w.Write(line.Bytes()); err != nil {
			return // the reader is gone
		}
	}
}

// changeItems answers with the ids that a change of n items of a stream gave.
func changeItems(w http.ResponseWriter, r *http.Request, change func(simconfluence.Kind, string, int) ([]string, error)) {
	name := r.URL.Query().Get("stream")
	kind, ok := kinds[name]
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if !ok || err != nil || n < 1 {
		http.Error(w, fmt.Sprintf("%q of %q: want a number of items of a stream that can be changed",
			r.URL.Query().Get("n"), name), http.StatusBadRequest)
		return
	}
	ids, err := change(kind, name, n)
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string][]string{"ids": ids}) // the reader may be gone
}

// some returns the ids of at most n rows of a stream, from its whole length.
func some(site *simconfluence.Site, name string, n int) []string {
	var all []string
	for row := range site.Truth(name, simconfluence.TruthOptions{}) {
		all = append(all, row.Key[0])
	}
	n = min(n, len(all))
	ids := make([]string, n)
	for i := range ids {
		ids[i] = all[(2*i+1)*len(all)/(2*n)]
	}
	return ids
}
