package simconfluence

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// gatewayPrefix is how paths begin that come through the gateway for apps and scoped tokens.
const gatewayPrefix = "/ex/confluence/"

// ServeHTTP answers one request: counted, delayed, possibly struck by a fault, checked for
// credentials, and then answered by its route.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, gateway, known := s.split(r.URL.Path)
	route, id := normalise(path)
	done := s.count(route)
	defer done()
	s.date(w.Header())
	if s.opts.Latency > 0 && !wait(r, s.opts.Latency) {
		return
	}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, &request{Site: s, w: w, r: r, path: path, id: id}, gateway, known)
	})
	s.behMu.Lock()
	faults := slices.Clone(s.faults)
	s.behMu.Unlock()
	for _, f := range faults {
		if f(w, r, next) {
			return
		}
	}
	next(w, r)
}

// date sets the Date header by the site's own clock.
func (s *Site) date(h http.Header) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.quirks.NoDate {
		h["Date"] = nil // a server over a network would set its own
		return
	}
	h.Set("Date", time.UnixMilli(s.now).Add(s.quirks.DateOff).UTC().Format(http.TimeFormat))
}

// wait waits, and reports whether the client is still there.
func wait(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// split takes the gateway's prefix off a path; known reports whether it names this site.
func (s *Site) split(path string) (rest string, gateway, known bool) {
	below, ok := strings.CutPrefix(path, gatewayPrefix)
	if !ok {
		return path, false, true
	}
	cloud, rest, _ := strings.Cut(below, "/")
	return "/" + rest, true, cloud == s.opts.CloudID
}

// normalise replaces the id in a path by {id}, and returns it.
func normalise(path string) (route, id string) {
	parts := strings.Split(path, "/")
	if len(parts) > 5 && parts[5] != "" && hasID(path) {
		id = parts[5]
		parts[5] = "{id}"
	}
	return strings.Join(parts, "/"), id
}

// hasID reports whether the fifth segment of a path is an id. In version 1 some are names.
func hasID(path string) bool {
	if below, ok := strings.CutPrefix(path, "/wiki/rest/api/"); ok {
		return strings.HasSuffix(below, "/membersByGroupId") || strings.HasPrefix(below, "content/") && strings.Contains(below, "/restriction")
	}
	return strings.HasPrefix(path, stream.V2+"/")
}

func (s *Site) answer(w http.ResponseWriter, r *http.Request, rq *request, gateway, known bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	rq.w, rq.r = w, r
	buf := buffers.Get().(*[]byte) // the pool holds nothing else
	rq.b = (*buf)[:0]
	defer func() {
		*buf = rq.b
		if cap(rq.b) < 16<<20 {
			buffers.Put(buf)
		}
	}()
	rq.base = s.opts.BaseURL
	if rq.base == "" {
		rq.base = "http://" + r.Host
	}
	base := rq.base
	s.lastBase.Store(&base)
	if rq.path == "/_edge/tenant_info" && !gateway {
		rq.sendJSON(http.StatusOK, map[string]any{"cloudId": s.opts.CloudID})
		return
	}
	if !known {
		rq.sendJSON(http.StatusNotFound, map[string]any{"code": http.StatusNotFound, "message": "No site has this cloud id"})
		return
	}
	normal, _ := normalise(rq.path)
	found := s.lookup(normal, rq.path)
	rq.op = found.op
	query, err := url.ParseQuery(r.URL.RawQuery)
	rq.query = query
	if err != nil {
		s.violate(rq.path + ": " + err.Error())
	}
	h := found.handler
	if !rq.documented() {
		h = nil
	}
	switch {
	case rq.refused(gateway):
	case h == nil:
		rq.noRoute()
	case rq.checked():
		h(rq)
	}
}

// documented reports whether a request's route takes its method, and writes down what the
// official documents don't have.
func (rq *request) documented() bool {
	method := http.MethodGet
	if rq.op == nil {
		rq.violate(rq.path + " is no documented route")
	} else {
		if err := rq.op.CheckQuery(rq.query); err != nil {
			rq.violate(err.Error())
		}
		method = cmp.Or(rq.op.Method, method)
	}
	if rq.r.Method != method {
		rq.violate(rq.r.Method + " " + rq.path + ": the tap only reads")
	}
	return rq.op != nil && rq.r.Method == method
}

// route is one documented route and what answers it, nil for nothing.
type route struct {
	handler handler
	op      *apifacts.Operation
}

// lookup finds the route of a normalised path.
func (s *Site) lookup(normal, path string) route {
	if r, ok := s.table[normal]; ok {
		return r
	}
	r := route{op: s.facts.Operation(path)}
	if below, ok := strings.CutPrefix(normal, stream.V2); ok {
		r.handler = s.generic(below)
	}
	return r
}

// covered reports whether a token that lacks some scopes has one of the sets that will do.
func covered(sets []apifacts.ScopeSet, missing []string) bool {
	if len(sets) == 0 {
		return true
	}
	return slices.ContainsFunc(sets, func(set apifacts.ScopeSet) bool {
		return !slices.ContainsFunc(set.Names, func(n string) bool { return slices.Contains(missing, n) })
	})
}
