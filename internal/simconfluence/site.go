// Package simconfluence is a simulated Confluence Cloud site for tests, the demo and
// benchmarks. A Site is an http.Handler that answers the routes of the Confluence REST API
// (version 2, and the few of version 1 that the tap uses) in the shapes of the official
// documents, and as unforgivingly as the real one.
//
// Everything on a site is computed from its seed, the kind of an item and its ordinal, so
// that a million pages need no memory; only changes made later (Edit, Create, SetStatus,
// Delete) and orders that were asked for are kept. The site knows its own truth per
// stream (Truth), counts requests, checks them against the facts of the official
// documents (Violations) and can be told to fail in many ways (faults, modes, lies).
//
// The data is deliberately nasty: see text.go for what titles and bodies hold.
package simconfluence

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
)

// Options say how large a site is and how it behaves. Counts that are zero mean none.
type Options struct {
	// Seed decides every attribute of every item. Equal options give equal sites.
	Seed int64
	// Spaces, Pages and so on are the numbers of items, in every status and visible or
	// not. Content needs something to belong to: a site with content has a space.
	Spaces, Pages, BlogPosts, Attachments, FooterComments, InlineComments int
	Tasks, Groups, CustomContent                                          int
	// AuditRecords is the number of records of the audit log.
	AuditRecords int
	// Users is the number of accounts, 0 for 520. At least 40 write.
	Users int
	// Restrictions is the number of accounts that alone may read the second page, 0 for as
	// many as of any other page.
	Restrictions int
	// Labels is the size of the label pool, 0 for 320.
	Labels int
	// Most, if set, is the most versions that an item begins with, and the most properties,
	// permissions and labels of those that would have dozens: small sites stay small.
	Most int
	// BodyBytes is the size of the bodies of pages, posts and custom content, 0 for a mix
	// from empty to 80 kB that averages at 4 kB.
	BodyBytes int
	// BodyBytesOf, if set, overrides the size of one item's body; negative: as otherwise.
	BodyBytesOf func(k Kind, ordinal int) int
	// HardEvery makes text that is hard to handle (see text.go) as rare as it is on a real
	// site, for benchmarks: only one body in so many holds any, and one short text in so
	// many. 0: most bodies do, and one short text in nine.
	HardEvery int
	// Readable gives everything the names, text and sizes that people would, and nothing that
	// is hard to handle: for demos. The site's shape stays the same.
	Readable bool
	// ShortAttachments leaves next to nothing in the _links of attachments, for benchmarks:
	// rows of 0.65 kB in place of 0.93.
	ShortAttachments bool
	// AllVisible shows every item to the user. Otherwise some are hidden, which makes
	// pages of answers short or empty.
	AllVisible bool
	// Now is the site's time at its beginning, after every change of the generated items.
	// Zero means 2026-11-01T12:00:00Z. It moves only through Advance and changes.
	Now time.Time
	// Latency delays every answer.
	Latency time.Duration
	// Auth is what requests must present; the zero value lets everybody in.
	Auth Auth
	// BaseURL is what answers name as the site's address ("https://acme.atlassian.net");
	// empty: the request's scheme and host.
	BaseURL string
	// CloudID is the site's cloud id, by which the gateway knows it; empty for a fixed one.
	CloudID string
	// Lies are untruths about shortcuts that the site begins with.
	Lies Lies
	// Quirks are the habits that the site begins with.
	Quirks Quirks
	// WideParent is the number of child pages that the first page has beyond the usual four.
	WideParent int
}

// Scaled returns options for a site with that many pages and the proportions of a large
// real one: three attachments a page, two comments a page, a post for twenty pages.
func Scaled(seed int64, pages int) Options {
	return Options{
		Seed: seed, Pages: pages, Spaces: min(max(2, pages/100), 500),
		BlogPosts: max(4, pages/20), Attachments: max(8, pages*3),
		FooterComments: max(10, pages*13/10), InlineComments: max(10, pages*7/10),
		Tasks: max(6, pages/2), Groups: min(max(5, pages/20), 450), CustomContent: max(8, pages/10),
		AuditRecords: max(20, pages/2),
	}
}

// Lies are ways in which a site's shortcuts differ from its plain routes. The truth is
// always what the plain routes say.
type Lies struct {
	// NoReplies leaves replies out of the site-wide lists of comments.
	NoReplies bool
	// NoArchivedComments leaves comments of archived pages out of them.
	NoArchivedComments bool
	// NoArchivedLabelled leaves archived pages and attachments out of the lists by label.
	NoArchivedLabelled bool
	// CombinedCut cuts the blocks of combined reads at that many rows without saying so.
	CombinedCut int
	// FirstVersions gives some items at version 1 a history that their row doesn't show.
	FirstVersions bool
	// NoChangeSort answers 500 to sort=-modified-date.
	NoChangeSort bool
}

// Site is a simulated Confluence site. Its methods may be called at any time, also while
// it serves requests.
type Site struct {
	opts  Options
	seed  uint64
	facts *apifacts.Facts
	paras [2][]string // paragraphs of bodies: storage, atlas_doc_format
	plain [2][]string // the same without nasty text
	insts []int64     // times that many items share
	first [kinds]int  // items at the beginning
	n     [kinds]int  // items now, removed ones included
	table map[string]route
	users int // accounts

	mu     sync.RWMutex // guards what follows and n
	now    int64        // milliseconds
	edits  map[ref]*edit
	index  map[string]any // built on demand, dropped on every change
	ixMu   sync.Mutex     // guards index
	lies   Lies
	quirks Quirks
	epoch  int  // cursors of another epoch are refused
	moves  bool // something was moved to another space

	lastBase atomic.Pointer[string] // address at which the site was asked last

	behaviour
	counters
}

// Kind is a kind of item.
type Kind uint8

// The kinds of items.
const (
	Space Kind = iota
	Page
	BlogPost
	Attachment
	FooterComment
	InlineComment
	Task
	Group
	CustomContent
	Label
	Folder
	Whiteboard
	Database
	Embed
	AuditRecord
	kinds = iota
)

var kindNames = [kinds]string{
	"space", "page", "blogpost", "attachment", "footer comment", "inline comment", "task", "group",
	"custom content", "label", "folder", "whiteboard", "database", "embed", "audit record",
}

// String returns the kind's name as error answers of the API have it.
func (k Kind) String() string { return kindNames[k] }

// ref names an item.
type ref struct {
	kind Kind
	i    int
}

const hour, day = int64(3600_000), int64(24 * 3600_000)

// New makes a site. It is ready to serve at once, whatever its size.
func New(o Options) *Site {
	if o.Now.IsZero() {
		o.Now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	}
	if o.CloudID == "" {
		o.CloudID = "5d2c8f1e-77a0-4b4e-9a5c-0e1f6b3d9c42"
	}
	if o.Labels == 0 {
		o.Labels = 320
	}
	if o.Pages == 0 && o.BlogPosts == 0 { // nothing to attach to
		o.Tasks, o.InlineComments = 0, 0
		if o.CustomContent == 0 {
			o.Attachments, o.FooterComments = 0, 0
		}
	}
	if o.Pages+o.BlogPosts+o.CustomContent > 0 {
		o.Spaces = max(o.Spaces, 1)
	}
	s := &Site{opts: o, seed: mix(uint64(o.Seed) + 0x51), facts: apifacts.Load(), lies: o.Lies, quirks: o.Quirks}
	s.first = [kinds]int{
		o.Spaces, o.Pages, o.BlogPosts, o.Attachments, o.FooterComments, o.InlineComments, o.Tasks, o.Groups,
		o.CustomContent, o.Labels,
	}
	s.first[AuditRecord] = o.AuditRecords
	s.users = max(o.Users, o.Restrictions, writers)
	if o.Users == 0 {
		s.users = max(s.users, 520)
	}
	s.n = s.first
	s.now = o.Now.UnixMilli()
	s.edits = map[ref]*edit{}
	s.index = map[string]any{}
	s.paras, s.plain = paragraphs(s.seed, true), paragraphs(s.seed, false)
	if o.Readable {
		s.paras = readableParagraphs(s.seed)
	}
	s.insts = s.instants()
	s.table = s.routes()
	s.counters.init()
	s.auth = o.Auth
	return s
}

// instants returns the times that many items share: bulk imports and the like.
func (s *Site) instants() []int64 {
	n := 16 + s.opts.Pages/500
	t := make([]int64, n)
	for i := range t {
		t[i] = s.begin() + s.span()*int64(i+1)/int64(n+1)/1000*1000
	}
	return t
}

// span is the time between the oldest and the youngest generated item, in milliseconds.
func (s *Site) span() int64 { return 3 * 365 * day }

// begin is when the site was set up.
func (s *Site) begin() int64 { return s.opts.Now.UnixMilli() - s.span() - day }

// CloudID returns the id by which the gateway knows the site.
func (s *Site) CloudID() string { return s.opts.CloudID }
