package plan

import (
	"math"

	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Price estimates what a plan would cost.
type Price struct {
	Walks []WalkPrice `json:"walks"`
	// Requests and Rows are the sums over all walks.
	Requests int `json:"requests"`
	Rows     int `json:"rows"`
	// Unknown names, as phrases for people, the counts that the site did not give.
	Unknown []string `json:"unknown,omitempty"`
}

// WalkPrice estimates what one walk would cost.
type WalkPrice struct {
	Listing     string        `json:"listing"`
	Incremental bool          `json:"incremental"`
	Streams     []StreamPrice `json:"streams"`
	// Items is how many rows the listing has.
	Items int `json:"items"`
	// Pages and Audits are numbers of requests: for the listing's pages, and for the audits.
	Pages  int `json:"pages"`
	Audits int `json:"audits"`
}

// StreamPrice estimates what one stream adds to its walk.
type StreamPrice struct {
	Name     string        `json:"name"`
	Methods  []method.Kind `json:"methods"`
	Requests int           `json:"requests"`
	Rows     int           `json:"rows"`
	// Words describes the requests for people, empty if those of the listing are all.
	Words string `json:"-"`
}

// Requests is the sum of the walk's requests.
func (w WalkPrice) Requests() int {
	n := w.Pages + w.Audits
	for _, s := range w.Streams {
		n += s.Requests
	}
	return n
}

// Rows is the sum of the walk's rows.
func (w WalkPrice) Rows() int {
	n := 0
	for _, s := range w.Streams {
		n += s.Rows
	}
	return n
}

// Measure returns what site.Size has to measure for the price of the walk.
func (w *Walk) Measure() site.Measure {
	m := site.Measure{Listing: w.Listing}
	for _, l := range w.Lists {
		if l.Trash && w.Incremental {
			continue
		}
		m.Lists = append(m.Lists, l.Request)
		if l.Type != "" {
			m.Types = append(m.Types, l.Type)
		}
		if l.Order == ByChange && l.Type == "" {
			for i, r := range w.Readers {
				if i == 0 || r.Since.Before(m.Since) {
					m.Since = r.Since
				}
			}
		}
	}
	for _, r := range w.Readers {
		m.Shape = m.Shape || w.Listing.Item != "" && r.Stream.Parent == w.Listing
	}
	return m
}

// PriceOf estimates what a plan costs. The sizes are those of its walks, in their order.
func PriceOf(p *Plan, sizes []site.Size, cfg *config.Config) Price {
	var out Price
	for i, w := range p.Walks {
		price := w.price(sizes[i], cfg)
		out.Walks = append(out.Walks, price)
		out.Requests += price.Requests()
		out.Rows += price.Rows()
		if sizes[i].Unknown != "" {
			out.Unknown = append(out.Unknown, sizes[i].Unknown)
		}
	}
	return out
}

func (w *Walk) price(size site.Size, cfg *config.Config) WalkPrice {
	limit := float64(w.Listing.Limit(cfg.PageSize))
	n := float64(size.Rows)
	listed := math.Ceil((n + float64(size.Elsewhere)) / limit)
	if size.Elsewhere > 0 {
		listed *= 2 // about as many requests look up where the rows lie
	}
	out := WalkPrice{Listing: w.Listing.Name, Incremental: w.Incremental, Items: size.Rows, Pages: max(len(w.Lists), int(listed))}
	partners, share := method.Sharing(w.Readers, size.Shape)
	for _, r := range w.Readers {
		each := 0.0
		for _, k := range r.Methods {
			each += method.Of(k).Price(method.Cost{Stream: r.Stream, Shape: size.Shape, Partners: partners, Share: share})
		}
		rows := n
		if r.Stream.Include != "" && r.Stream.Parent == w.Listing {
			rows = n * size.Shape.Rows[r.Stream.Include]
		} else if r.Stream.Node != nil {
			rows = n * size.Shape.Rows[r.Stream.Node.SearchType]
		} else if w.Listing == stream.FooterComments || w.Listing == stream.InlineComments {
			rows = n / float64(len(w.Readers))
		}
		out.Streams = append(out.Streams, StreamPrice{
			Name: r.Stream.Name, Methods: r.Methods, Requests: int(math.Max(each, 0) * n), Rows: int(rows),
			Words: method.Describe(r.Methods, w.Listing),
		})
		if r.Audited {
			out.Audits += auditCost(r, cfg.AuditSamples, size.Rows)
		}
	}
	return out
}

// auditCost guesses the requests of a stream's audits: a plain list for each sample, the replies
// of sampled comments, and the second read of a combined one.
func auditCost(r *method.Reader, samples, parents int) int {
	for _, k := range r.Methods {
		switch method.Of(k).Audit {
		case method.InPassing:
			return min(3*samples, 2*parents)
		case method.Around:
			if r.Stream.Parent == nil {
				return 0
			}
			if r.Stream.Replies != "" {
				return 6 * samples
			}
			return 2 * samples
		}
	}
	return 0
}
