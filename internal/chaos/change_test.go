package chaos

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// change changes the site, and notes what it is from then on. Where there is nothing to change,
// nothing happens.
func (p *player) change(c change) {
	if c.Do == "create" {
		p.create(c.Kind)
		p.history.record()
		return
	}
	if c.Do == "cursors" {
		p.site.ExpireCursors()
		return
	}
	ids := p.candidates(c)
	if len(ids) == 0 {
		return
	}
	id := ids[c.Pick%uint32(len(ids))]
	if err := p.apply(c, id); err == nil { // what can't be done is not done
		p.history.record()
	}
}

func (p *player) create(k simconfluence.Kind) {
	if k != simconfluence.Group && len(p.ids(simconfluence.Page, stream.Current)) == 0 {
		return // nothing that it could belong to
	}
	defer func() { _ = recover() }() // the site says so if there is nothing that it could belong to
	p.site.Create(k)
}

func (p *player) candidates(c change) []string {
	switch c.Do {
	case "restore":
		return p.ids(c.Kind, stream.Trashed, stream.Deleted, stream.Archived)
	case "trash", "archive", "delete":
		return p.ids(c.Kind, stream.Current, stream.Archived)
	case "show":
		return p.hidden[c.Kind]
	}
	return p.ids(c.Kind)
}

func (p *player) apply(c change, id string) error {
	switch c.Do {
	case "edit":
		return p.site.Edit(c.Kind, id)
	case "edit late": // a change that is seen when it is some minutes old
		return p.site.EditAt(c.Kind, id, p.site.Now().Add(-time.Duration(c.Arg%500)*time.Second))
	case "edit future":
		return p.site.EditAt(c.Kind, id, p.site.Now().AddDate(70, 0, 0))
	case "trash":
		return p.site.SetStatus(c.Kind, id, stream.Trashed)
	case "restore":
		return p.site.SetStatus(c.Kind, id, stream.Current)
	case "archive":
		if c.Kind != simconfluence.Page {
			return errors.New("only pages are archived")
		}
		return p.site.SetStatus(c.Kind, id, stream.Archived)
	case "delete":
		if c.Kind == simconfluence.Attachment {
			return p.site.Delete(c.Kind, id)
		}
		return p.site.SetStatus(c.Kind, id, stream.Deleted)
	case "purge":
		return p.site.Delete(c.Kind, id)
	case "move":
		spaces := p.ids(simconfluence.Space)
		if len(spaces) == 0 {
			return errors.New("no space to move to")
		}
		return p.site.Move(c.Kind, id, spaces[c.Arg%uint32(len(spaces))])
	case "label", "unlabel":
		return p.site.SetLabel(c.Kind, id, int(c.Arg%40), c.Do == "label")
	case "hide":
		p.hide(c.Kind, id)
	case "show":
		p.hidden[c.Kind] = slices.DeleteFunc(p.hidden[c.Kind], func(s string) bool { return s == id })
		return p.site.SetVisible(c.Kind, id, true)
	}
	return nil
}

func (p *player) hide(k simconfluence.Kind, id string) {
	if err := p.site.SetVisible(k, id, false); err == nil { // it is there, since it was listed
		p.hidden[k] = append(p.hidden[k], id)
	}
}

// faults makes the run's fault.
func (p *player) faults(r *played) []simconfluence.Fault {
	f := r.spec.Fault
	within := func(n int) bool { return n >= f.From && n < f.From+f.Count }
	body := `{"errors":[{"status":` + strconv.Itoa(f.Status) + `,"code":"STRUCK","title":"Struck","detail":null}]}`
	switch f.What {
	case "burst":
		return []simconfluence.Fault{simconfluence.When(within, simconfluence.Status(f.Status, body))}
	case "limit":
		return []simconfluence.Fault{simconfluence.When(within, simconfluence.Status(http.StatusTooManyRequests, body, "Retry-After: 7"))}
	case "parent":
		ids := p.ids(f.Kind)
		if len(ids) == 0 {
			return nil
		}
		r.faulted = ids[f.Pick%uint32(len(ids))]
		prefix := stream.V2 + "/" + segments[f.Kind] + "/" + r.faulted
		return []simconfluence.Fault{simconfluence.Where(func(q *http.Request) bool {
			return q.URL.Path == prefix || strings.HasPrefix(q.URL.Path, prefix+"/")
		}, simconfluence.Status(f.Status, body))}
	case "listing":
		path := stream.V2 + "/" + segments[f.Kind]
		if f.Kind == simconfluence.Group {
			path = "/wiki/rest/api/group"
		}
		return []simconfluence.Fault{simconfluence.Where(func(q *http.Request) bool { return q.URL.Path == path },
			simconfluence.After(f.From-1, simconfluence.Status(f.Status, body)))}
	}
	return nil
}

// segments are the first segments of routes.
var segments = map[simconfluence.Kind]string{
	simconfluence.Space: "spaces", simconfluence.Page: "pages", simconfluence.BlogPost: "blogposts", simconfluence.Attachment: "attachments",
	simconfluence.FooterComment: "footer-comments", simconfluence.InlineComment: "inline-comments", simconfluence.Task: "tasks",
	simconfluence.CustomContent: "custom-content",
}

// listedBy are the streams that list the items of a kind.
var listedBy = map[simconfluence.Kind][]string{
	simconfluence.Space: {"spaces"}, simconfluence.Page: {"pages"}, simconfluence.BlogPost: {"blog_posts"},
	simconfluence.Attachment: {"attachments"}, simconfluence.FooterComment: {"page_footer_comments", "blog_post_footer_comments"},
	simconfluence.InlineComment: {"page_inline_comments", "blog_post_inline_comments"}, simconfluence.Task: {"tasks"},
	simconfluence.CustomContent: {"custom_content"}, simconfluence.Group: {"groups"},
}

var anyStatus = []string{stream.Current, stream.Archived, stream.Trashed, stream.Deleted}

// ids lists the items of a kind that the account sees, of some statuses or of any.
func (p *player) ids(k simconfluence.Kind, statuses ...string) []string {
	if statuses == nil {
		statuses = anyStatus
	}
	var ids []string
	for _, name := range listedBy[k] {
		for row := range p.site.Truth(name, simconfluence.TruthOptions{Statuses: statuses}) {
			ids = append(ids, row.Key[0])
		}
	}
	return ids
}
