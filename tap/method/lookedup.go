package method

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// lookedUp reads items by their ids, many with one request. The ids come from a search and from
// records of the run. No route lists all such items, so the table is never complete.
var lookedUp = Method{
	Name:    "looked up by id",
	Fits:    func(c Choice) bool { return c.Stream.Listing.Bulk != nil },
	Listing: func(s *stream.Stream) *stream.Listing { return s.Listing },
	Price:   func(c Cost) float64 { return 1 / float64(c.Stream.Listing.Bulk.Max) },
	Words:   func(l *stream.Listing) string { return fmt.Sprintf("%d at once", l.Bulk.Max) },
	Partial: true,
}

// BulkRequest returns the request for items by their ids. An error means that it can't be encoded.
func BulkRequest(b *stream.Bulk, ids []string) (client.Request, error) {
	body, err := json.Marshal(map[string][]string{b.IDs: ids})
	if err != nil {
		return client.Request{}, fmt.Errorf("asking for %d items by id: %w", len(ids), err)
	}
	return client.Request{Method: http.MethodPost, Path: stream.Path(b.Route, ""), Body: body, Scopes: b.Scopes}, nil
}
