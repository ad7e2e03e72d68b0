// Package site asks the site for facts and remembers them for the rest of the run: the account, the
// site's time, the chosen spaces, types of custom content, counts, and the spaces of items. It decides
// whether an error concerns one request or the whole sync, and what proves that an item is gone.
//
// A walk is one reading of a listing, such as all pages. A probe is the question to the site whose
// account this is. To read by owner is to ask each page and post for its own comments.
//
// Files use each other from top to bottom: survey.go, roles.go, measure.go, sizes.go, containers.go,
// types.go, spaces.go, gone.go, account.go, site.go, memo.go.
package site

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Site is the site that a run reads. Its methods may be called from several goroutines, once
// Open has returned.
type Site struct {
	cfg    *config.Config
	client *client.Client
	log    *slog.Logger

	account string    // that the run began with, empty if the site does not name it
	user    string    // the account's name for people, empty if the site does not tell it
	clock   time.Time // the site's time when the run began
	told    bool      // the site told it
	local   time.Time // what the local clock showed

	proofs     proofs
	spaceOf    memo[place, string]
	keyOf      memo[string, string]
	types      memo[struct{}, []string]
	labels     memo[struct{}, int]
	counts     memo[string, int]
	ends       memo[*stream.Listing, [][]Sample]
	containers containers
}

// New returns the site that a client reads. It sends nothing.
func New(cfg *config.Config, c *client.Client, log *slog.Logger) *Site {
	return &Site{cfg: cfg, client: c, log: log}
}

// Who names the account for people: its name or its id, else "the account".
func (s *Site) Who() string { return cmp.Or(s.user, s.account, "the account") }

// Clock returns the site's time when the run began, or the local time if the site gave none.
func (s *Site) Clock() time.Time { return s.clock }

// Account returns the id of the account that the run began with, empty if the site does not tell.
func (s *Site) Account() string { return s.account }

// query is the parameters of a request, in order. Its methods return a new one.
type query [][2]string

func (q query) with(name, value string) query {
	return append(slices.Clone(q), [2]string{name, value})
}

// rows reads a cursor listing to its end, row by row. A row is valid until use returns.
func (s *Site) rows(ctx context.Context, req client.Request, use func(rawjson.Object) error) error {
	for page, err := range s.client.Rows(ctx, req, s.cfg.PageSize) {
		if err != nil {
			return err
		}
		for _, row := range page {
			if err := use(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// listRequest is the request of a listing with further parameters.
func listRequest(l *stream.Listing, q query) client.Request {
	return client.Request{Path: stream.Path(l.Route, ""), Query: append(query(l.Query), q...), Scopes: l.Scopes}
}

// inStatuses returns the parameters that ask a listing for rows of those of the statuses that it takes.
func inStatuses(l *stream.Listing, statuses []string) query {
	var q query
	for _, status := range statuses {
		if slices.Contains(l.Statuses, status) {
			q = q.with(stream.StatusParam, status)
		}
	}
	return q
}

// ItemRequest returns the request for one item of a listing. It names a status other than current if
// the route takes that; empty is any.
func ItemRequest(l *stream.Listing, id, status string) client.Request {
	var q query
	if l.ItemParam != "" {
		q = q.with(l.ItemParam, id)
	}
	if status != stream.Current && slices.Contains(l.ItemStatuses, status) {
		q = q.with(stream.StatusParam, status)
	}
	return client.Request{Path: stream.Path(l.Item, id), Query: q, Scopes: l.Scopes}
}

// quoted returns words as a list in Confluence's query language.
func quoted(words []string) string {
	escaped := make([]string, len(words))
	for i, w := range words {
		escaped[i] = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w)
	}
	return `"` + strings.Join(escaped, `","`) + `"`
}

// proofs makes one probe serve everybody who waits for one.
type proofs struct {
	mu   sync.Mutex // guards next
	next *probe     // not begun, so that a new caller may wait for it; nil for none
	turn chan struct{}
}

// probe is one question to the site, answered once done is closed.
type probe struct {
	done    chan struct{}
	account state.Account
	err     error
}

// place is an item that rows lie in.
type place struct {
	listing *stream.Listing
	id      string
}

// containers remembers what was found of the items that rows lie in.
type containers struct {
	mu             sync.Mutex // guards all below
	found, earlier map[place]container
	asked          map[string]int // how many questions were asked about items of a part of a listing
}

// container holds the facts of an item that rows lie in. It is empty if its listing does not show it.
type container struct {
	// placed reports whether its space is known; space is empty if the item is proven to be gone.
	placed        bool
	space, status string
}

// Sample is a row from one end of a listing, copied out of its answer.
type Sample struct{ rawjson.Object }
