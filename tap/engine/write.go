package engine

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

const (
	// largeRow is the size in bytes from which a record is worth a warning: Meltano's and
	// Airbyte's pipes have limits.
	largeRow = 16 << 20
	// chunk is how many bytes of records are made before they are written.
	chunk = 2 << 20
)

// observer is told of every record that is written. It must not write.
type observer interface {
	wrote(out *output, it method.Item)
}

// output writes the records of one stream and counts them.
type output struct {
	*services
	name   string
	stream *stream.Stream
	sel    catalog.Selection
	// version is the table version of the records, 0 for none. A new one is drawn when the
	// stream starts over: by the goroutine of the walk that ends, while nobody reads the stream.
	version int64

	rows, requests atomic.Int64

	writing emit.Lock // held while records are made and written
	build   *record.Builder
	// The memory of the last records and their frame.
	buf, prefix, suffix []byte

	observers atomic.Pointer[[]observer]
	// counted is told how many records were written.
	counted func(name string, n int)

	mu     sync.Mutex // guards end
	end    StreamReport
	opened bool // owned by the ledger
}

func newOutput(s *services, sel catalog.Selection, counted func(name string, n int)) (*output, error) {
	out := &output{services: s, name: sel.Stream.Name, stream: sel.Stream, sel: sel, writing: emit.NewLock(), counted: counted}
	var err error
	out.build, err = record.New(sel, s.Config.ValidateRecords, func(msg string, args ...any) {
		s.report.warnOnce(out.name+msg+fmt.Sprint(args...), msg, append([]any{"stream", out.name}, args...)...)
	})
	if s.Config.EmitActivateVersion && !s.PerStream && !sel.Incremental {
		out.version = s.Now().UnixMilli()
	}
	return out, err
}

// startOver draws another table version: what was written so far is not of it.
func (o *output) startOver() {
	if o.version != 0 {
		o.version = max(o.version+1, o.Now().UnixMilli())
	}
}

// outcome returns how the stream ended so far.
func (o *output) outcome() StreamReport {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.end
}

// ended notes how the stream ended.
func (o *output) ended(end StreamReport) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end = end
}

// observe tells an observer of every record from now on.
func (o *output) observe(w observer) {
	o.writing.Lock()
	defer o.writing.Unlock()
	list := []observer{w}
	if old := o.observers.Load(); old != nil {
		list = append(list, *old...)
	}
	o.observers.Store(&list)
}

// write makes records and writes them. All are of one answer: they are written together or,
// after an error, not at all.
func (o *output) write(items []method.Item) error {
	if len(items) == 0 {
		return nil
	}
	o.writing.Lock()
	defer o.writing.Unlock()
	large := size(items) > chunk
	if large {
		// Too much to be held beside the answer: it is written in parts, once it is known that
		// every record can be made.
		if err := o.try(items); err != nil {
			return err
		}
	}
	o.prefix, o.suffix = o.Sink.Frame(o.prefix[:0], o.suffix[:0], o.name, o.Now(), o.version)
	buf, n := o.buf[:0], 0
	for _, it := range items {
		start := len(buf)
		var err error
		if buf, err = o.build.Append(append(buf, o.prefix...), it.Row, it.From); err != nil {
			return noRecord(err)
		}
		buf = append(buf, o.suffix...)
		o.tell(it, len(buf)-start)
		if n++; large && len(buf) >= chunk {
			if err := o.flush(buf, n); err != nil {
				return err
			}
			buf, n = buf[:0], 0
		}
	}
	err := o.flush(buf, n)
	if o.buf = nil; cap(buf) <= 2*chunk {
		o.buf = buf
	}
	return err
}

// tellUnconverted tells how many bodies could not be written as Markdown.
func (o *output) tellUnconverted() {
	o.writing.Lock()
	defer o.writing.Unlock()
	if n := o.build.Unconverted(); n > 0 {
		o.log.Warn("bodies that can't be converted to Markdown came as body.storage", "stream", o.name, "bodies", n)
	}
}

// size returns how many bytes the rows have.
func size(items []method.Item) int {
	n := 0
	for _, it := range items {
		n += len(it.Row.Raw())
	}
	return n
}

// try makes the records and throws them away.
func (o *output) try(items []method.Item) error {
	var buf []byte
	for _, it := range items {
		var err error
		if buf, err = o.build.Append(buf[:0], it.Row, it.From); err != nil {
			return noRecord(err)
		}
	}
	return nil
}

// noRecord is the error for a row that no record can be made of.
func noRecord(err error) error {
	return &client.Error{Kind: client.KindMalformed, Message: err.Error(), Cause: err}
}

// tell tells those who want to know of a record of that many bytes.
func (o *output) tell(it method.Item, bytes int) {
	if list := o.observers.Load(); list != nil {
		for _, w := range *list {
			w.wrote(o, it)
		}
	}
	if bytes > largeRow {
		id := it.Row.Get("id").AsText()
		o.log.Warn("a very large record: some targets and pipes refuse it", "stream", o.name, "id", id, "bytes", bytes)
	}
}

// flush writes n records.
func (o *output) flush(buf []byte, n int) error {
	if n == 0 {
		return nil
	}
	if err := o.Sink.Records(o.name, buf, n); err != nil {
		return err
	}
	o.rows.Add(int64(n))
	o.counted(o.name, n)
	return nil
}

// changedAt returns the time at which a row last changed, by the path of its field. It reads text
// and milliseconds since 1970.
func changedAt(path []string, row rawjson.Object) (time.Time, bool) {
	return record.Time(row.Inside(path))
}
