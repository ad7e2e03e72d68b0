package engine

import (
	"time"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/record"
)

const (
	// largeRow is the size in bytes from which a record is worth a warning: Meltano's and
	// Airbyte's pipes have limits.
	largeRow = 16 << 20
	// chunk is how many bytes of records are made before they are written.
	chunk = 2 << 20
)

// item is a row to make a record of, and what the row itself doesn't hold.
type item struct {
	row  row
	from record.Source
}

// write makes records and writes them, those below since left out. All are of one answer:
// they are written together or, after an error, not at all.
func (f *feed) write(items []item, since time.Time) error {
	if len(items) == 0 {
		return nil
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	large := size(items) > chunk
	if large {
		// Too much to be held beside the answer: it is written in parts, once it is known that
		// every record can be made.
		if err := f.try(items, since); err != nil {
			return err
		}
	}
	prefix, suffix := f.run.Sink.Frame(f.name, f.run.Now(), f.version)
	buf, n := f.buf[:0], 0
	for _, it := range items {
		if !since.IsZero() && !f.wanted(it.row, since) {
			continue
		}
		start := len(buf)
		var err error
		if buf, err = f.build.Append(append(buf, prefix...), it.row, it.from); err != nil {
			return noRecord(err)
		}
		buf = append(buf, suffix...)
		f.note(it, len(buf)-start)
		if n++; large && len(buf) >= chunk {
			if err := f.flush(buf, n); err != nil {
				return err
			}
			buf, n = buf[:0], 0
		}
	}
	err := f.flush(buf, n)
	f.keep(buf)
	return err
}

// size is how many bytes rows have.
func size(items []item) int {
	n := 0
	for _, it := range items {
		n += len(it.row.Raw())
	}
	return n
}

// try makes the records and throws them away.
func (f *feed) try(items []item, since time.Time) error {
	var buf []byte
	for _, it := range items {
		if !since.IsZero() && !f.wanted(it.row, since) {
			continue
		}
		var err error
		if buf, err = f.build.Append(buf[:0], it.row, it.from); err != nil {
			return noRecord(err)
		}
	}
	return nil
}

// noRecord is the error for a row that no record can be made of.
func noRecord(err error) error {
	return &client.Error{Kind: client.KindMalformed, Message: err.Error(), Cause: err}
}

// note tells those who want to know of a record of that many bytes.
func (f *feed) note(it item, bytes int) {
	if w := f.watch.Load(); w != nil {
		w.note(f, it)
	}
	if bytes > largeRow {
		id, _ := it.row.Get("id").Text()
		f.run.log.Warn("a very large record: some targets and pipes refuse it",
			"stream", f.name, "id", id, "bytes", bytes)
	}
}

// flush writes n records.
func (f *feed) flush(buf []byte, n int) error {
	if n == 0 {
		return nil
	}
	if err := f.run.Sink.Records(f.name, buf, n); err != nil {
		f.run.stop(err)
		return err
	}
	f.rows.Add(int64(n))
	f.run.ledger.wrote(f.name, n)
	return nil
}

// keep keeps a buffer of ordinary size for the next answer.
func (f *feed) keep(buf []byte) {
	f.buf = nil
	if cap(buf) <= 2*chunk {
		f.buf = buf
	}
}
