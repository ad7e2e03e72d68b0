package engine

import "sync"

// WalkProgress is how far one walk is, for people.
type WalkProgress struct {
	Listing string
	// Begun and Ended report whether the walk has begun, and whether it has ended.
	Begun, Ended bool
	// Rows counts the finished rows. Total estimates all rows; 0 means unknown.
	Rows, Total int64
	// Left estimates the requests that are still to come. It means nothing without a Total.
	Left int64
}

// monitor knows how far the walks of a run are.
type monitor struct {
	mu  sync.Mutex // guards all below
	all []*monitored
}

// monitored is a walk and how far it is.
type monitored struct {
	walk *walk
	// begun, ended, measured and total are guarded by the monitor's lock.
	begun, ended, measured bool
	total                  int64
}

// add notes a walk that is planned.
func (m *monitor) add(w *walk) *monitored {
	m.mu.Lock()
	defer m.mu.Unlock()
	one := &monitored{walk: w}
	m.all = append(m.all, one)
	return one
}

// change changes what is known of a walk.
func (m *monitor) change(do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	do()
}

// list returns how far each walk is.
func (m *monitor) list() []WalkProgress {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []WalkProgress
	for _, one := range m.all {
		out := WalkProgress{
			Listing: one.walk.plan.Listing.Name, Begun: one.begun, Ended: one.ended, Rows: one.walk.track.finished(), Total: one.total,
		}
		if one.ended {
			out.Total = out.Rows
		} else if one.total > 0 {
			out.Total = max(out.Total, out.Rows)
		}
		out.Left = int64(one.walk.cost(out.Rows) * float64(out.Total-out.Rows))
		list = append(list, out)
	}
	return list
}

// few is the number of rows below which the requests so far say nothing about the cost of a row.
const few = 100

// cost estimates the requests per row from those so far. With too few rows it takes one request per
// parent, or per page of rows if there are no parents.
func (w *walk) cost(rows int64) float64 {
	each := 1 / float64(w.plan.Listing.Limit(w.Config.PageSize))
	requests := int64(0)
	for _, r := range w.readings {
		requests += r.out.requests.Load()
		if r.asks {
			each = 1
		}
	}
	if rows < few {
		return each
	}
	return float64(requests) / float64(rows)
}

// unmeasured returns the walks that are not measured yet. It skips resumed ones: nothing tells how
// many rows earlier runs have read.
func (m *monitor) unmeasured() []*monitored {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*monitored
	for _, one := range m.all {
		if !one.measured && !one.ended && !one.walk.plan.Resumed() {
			one.measured = true
			list = append(list, one)
		}
	}
	return list
}
