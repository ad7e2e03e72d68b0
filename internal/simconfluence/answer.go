package simconfluence

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
)

// request is one request on its way through the site.
type request struct {
	*Site
	w      http.ResponseWriter
	r      *http.Request
	op     *apifacts.Operation // nil for what the facts don't know
	path   string              // without the gateway's prefix
	id     string              // the id in the path
	query  url.Values
	base   string // the site's address
	b      []byte
	public bool // the request sees public rows only
	broken bool // the answer would hold a body that can't be rendered
}

// handler answers one route. Handlers run under a read lock on the site.
type handler func(rq *request)

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1<<16); return &b }}

// send sends a JSON body.
func (rq *request) send(status int, body []byte) {
	h := rq.w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	rq.w.WriteHeader(status)
	_, _ = rq.w.Write(body) // a client that is gone has nothing to say
}

// apiError is one error as version 2 of the API tells it.
type apiError struct {
	Status int     `json:"status"`
	Code   string  `json:"code"`
	Title  string  `json:"title"`
	Detail *string `json:"detail"`
}

// fail answers with an error of version 2.
func (rq *request) fail(status int, code, title, detail string) {
	e := apiError{Status: status, Code: code, Title: title}
	if detail != "" {
		e.Detail = &detail
	}
	rq.sendJSON(status, map[string]any{"errors": []apiError{e}})
}

func (rq *request) sendJSON(status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // only plain maps and strings come here
	}
	rq.send(status, body)
}

func (rq *request) badParam(title, detail string) {
	rq.fail(http.StatusBadRequest, "INVALID_REQUEST_PARAMETER", title, detail)
}

// notFound answers 404 and names the item. Which words a real site has depends on the route.
func (rq *request) notFound(k Kind) {
	title, detail := "Cannot find a "+k.String()+" with id ["+rq.id+"]", ""
	switch below := rq.path[strings.LastIndex(rq.path, "/")+1:]; {
	case below == rq.id || below == "":
	case len(below)%3 == 0:
		title = "Content with id: [" + rq.id + "] not found"
	case len(below)%3 == 1:
		title, detail = "Not Found", "Cannot find ["+k.String()+"] entity with id ["+rq.id+"]"
	default:
		title = "Could not find " + k.String() + " with id [" + rq.id + "]"
	}
	rq.fail(http.StatusNotFound, "NOT_FOUND", title, detail)
}

// renderError answers what holds a body that can't be rendered.
func (rq *request) renderError() {
	rq.fail(http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", "Internal Server Error", "")
}

// noRoute is what the framework says of a path that no route has.
func (rq *request) noRoute() {
	rq.sendJSON(http.StatusNotFound, map[string]any{
		"timestamp": time.UnixMilli(rq.now).UTC().Format(time.RFC3339Nano), "status": http.StatusNotFound,
		"error": "Not Found", "message": "No message available", "path": rq.path,
	})
}

// checked refuses what the real API refuses: values of known parameters that are of the
// wrong type, out of range or not in the enum. Unknown parameters are ignored, and written
// down as violations. It returns false if it has answered.
func (rq *request) checked() bool {
	for i := range rq.op.Params {
		p := &rq.op.Params[i]
		given, ok := rq.query[p.Name]
		if !ok || p.Name == "cursor" {
			continue
		}
		if len(given) > 1 && rq.quirks.RefuseRepeated {
			rq.badParam("Parameter '"+p.Name+"' is given more than once.", "")
			return false
		}
		for v := range strings.SplitSeq(strings.Join(given, ","), ",") {
			if problem := refuse(p, v); problem != "" {
				rq.badParam(problem, "")
				return false
			}
		}
		if n := 1 + strings.Count(strings.Join(given, ","), ","); p.MaxItems > 0 && n > p.MaxItems {
			rq.badParam(fmt.Sprintf("Provided size {%d} for '%s' is greater than the max allowed: %d", n, p.Name, p.MaxItems), "")
			return false
		}
	}
	if asked := rq.values("status"); rq.quirks.RefuseMixedTrash && len(asked) > 1 && slices.Contains(asked, trashed) {
		rq.badParam("The trash can't be listed together with another status.", "")
		return false
	}
	return true
}

// refuse says what is wrong with one value of a parameter, if anything is.
func refuse(p *apifacts.Param, v string) string {
	typ := p.Type
	if typ == "array" {
		typ = p.Items
	}
	mistyped := "Provided value for '" + p.Name + "' is not the correct type. Expected type is "
	switch typ {
	case "integer":
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return mistyped + "Long."
		}
		if p.Max != nil && n > *p.Max {
			return fmt.Sprintf("Provided size {%d} for '%s' is greater than the max allowed: %d", n, p.Name, *p.Max)
		}
		if p.Min != nil && n < *p.Min {
			return fmt.Sprintf("Provided size {%d} for '%s' is less than the min allowed: %d", n, p.Name, *p.Min)
		}
	case "boolean":
		if v != "true" && v != "false" {
			return mistyped + "boolean."
		}
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, v) {
		return mistyped + "one of [" + strings.Join(p.Enum, ", ") + "]."
	}
	return ""
}

// param returns a parameter's value, or its documented default.
func (rq *request) param(name string) string {
	if v := rq.query.Get(name); v != "" {
		return v
	}
	if p := rq.op.Param(name); p != nil {
		return p.Default
	}
	return ""
}

// values returns the values of a list parameter, given once with commas or several times.
func (rq *request) values(name string) []string {
	given := rq.query[name]
	if len(given) == 0 {
		return nil
	}
	return strings.Split(strings.Join(given, ","), ",")
}

func (rq *request) limit() int {
	n, err := strconv.Atoi(rq.param("limit"))
	if err != nil {
		return 25
	}
	return n
}

// format returns the asked body format: one that lists take, or one of a single read's
// further ones, which all look like storage here.
func (rq *request) format() string { return rq.query.Get("body-format") }

// list answers with one page of a list.
func (rq *request) list(l *list) { rq.listOf(l, true) }

// listOf answers with one page of a list; link reports whether the Link header names the next.
func (rq *request) listOf(l *list, link bool) {
	if l.name == "" {
		l.name = rq.path
	}
	if rq.lies.NoChangeSort && rq.query.Get("sort") == "-modified-date" {
		rq.fail(http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", "Internal Server Error", "")
		return
	}
	var after *cursor
	if text, ok := rq.query["cursor"]; ok {
		if after, ok = l.parse(text[0], rq.epoch); !ok {
			rq.badParam("Provided value for 'cursor' is not the correct type. Expected type is Cursor.",
				"The provided cursor was not valid. You can get a new valid cursor by making the original pagination request again.")
			return
		}
	}
	rq.b = append(rq.b, `{"results":[`...)
	var cursor string
	rq.b, cursor = l.fill(rq.b, after, rq.limit(), rq.epoch)
	if rq.broken {
		rq.renderError()
		return
	}
	rq.b = append(rq.b, `],"_links":{`...)
	next := ""
	if cursor != "" {
		next = nextLink(rq.path, rq.query, cursor)
		rq.b = append(appendQuoted(append(rq.b, `"next":`...), next), ',')
	}
	rq.b = append(append(rq.b, `"base":"`...), rq.base...)
	rq.b = append(rq.b, `/wiki"}}`...)
	if link {
		rq.linkHeader(next)
	}
	rq.send(http.StatusOK, rq.b)
}

// linkHeader sets the Link header; on the last page it names the base alone.
func (rq *request) linkHeader(next string) {
	var parts []string
	if strings.Contains(rq.path, "inline-comments") {
		parts = append(parts, `<https://developer.atlassian.com/cloud/confluence/changelog/#CHANGE-1411>; rel="deprecation"`)
		rq.w.Header().Set("Warning", `299 - "Deprecated Fields: inline-marker-ref, inline-original-selection"`)
	}
	if next != "" {
		parts = append(parts, "<"+next+`>; rel="next"`)
	}
	parts = append(parts, "<"+rq.base+`/wiki>; rel="base"`)
	rq.w.Header().Set("Link", strings.Join(parts, ", "))
}
