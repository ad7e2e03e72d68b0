package client

import (
	"errors"
	"io"
	"sync"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
)

// Capacities of buffers, in bytes. The answers of one parent fit into a small one; a listing's
// page of 250 rows with ordinary bodies fits into one that is still kept for the next page.
const (
	smallBuffer = firstShare
	keptBuffer  = 2 << 20
)

var (
	// errTooLarge: the unpacked body is over maxBody.
	errTooLarge = errors.New("the answer is larger than 64 MB")
	// errNoRoom: the body doesn't fit beside the other buffered answers right now.
	errNoRoom = errors.New("no room to buffer the answer")
)

// buffer holds one answer and the index of its rows.
type buffer struct {
	body []byte
	page rawjson.Page
}

// buffers keeps buffers of ordinary size for the next answer. Nothing may refer to an answer
// whose buffer was put back: under the race detector it is overwritten, so that the tests find
// whoever does.
type buffers struct{ small, large sync.Pool }

// get returns an empty buffer with room for at least n bytes.
func (p *buffers) get(n int64) *buffer {
	pool, size := &p.small, int64(smallBuffer)
	if n > smallBuffer {
		pool, size = &p.large, n+n/8
	}
	if n > keptBuffer {
		return &buffer{body: make([]byte, 0, n)}
	}
	if b, ok := pool.Get().(*buffer); ok && int64(cap(b.body)) >= n {
		return b
	}
	return &buffer{body: make([]byte, 0, size)}
}

// put takes a buffer back.
func (p *buffers) put(b *buffer) {
	if poison && len(b.body) > 0 {
		b.body[0] = 0xFF
		for n := 1; n < len(b.body); n *= 2 {
			copy(b.body[n:], b.body[:n])
		}
	}
	b.body = b.body[:0]
	switch size := cap(b.body); {
	case size == smallBuffer:
		p.small.Put(b)
	case size > smallBuffer && size <= keptBuffer+keptBuffer/8:
		p.large.Put(b)
	}
}

// readBody reads r to its end into one buffer, whose capacity is taken from l and which l
// gives back. length is the announced length, or negative. It reads at most limit bytes and
// one more, however far the body would unpack. On any error nothing but l's first share stays
// taken.
func readBody(r io.Reader, l *lease, length, limit int64) (*buffer, error) {
	if length > limit {
		return nil, errTooLarge
	}
	first := l.n
	size := first // the share was taken for what is likely
	if length >= 0 {
		size = min(length+1, limit) // one byte more, so that the end is found without growing
	}
	l.buf = l.m.buffers.get(size)
	err := errNoRoom
	if l.cover(int64(cap(l.buf.body))) {
		err = readAll(r, l, first, limit)
	}
	if err != nil {
		l.drop()
		l.shrink(l.n - first)
		return nil, err
	}
	return l.buf, nil
}

func readAll(r io.Reader, l *lease, first, limit int64) error {
	for {
		buf := l.buf.body
		if int64(len(buf)) == limit {
			return atEnd(r)
		}
		if len(buf) == cap(buf) {
			if err := enlarge(l, first, limit); err != nil {
				return err
			}
			buf = l.buf.body
		}
		n, err := r.Read(buf[len(buf):min(int64(cap(buf)), limit)])
		l.buf.body = buf[:len(buf)+n]
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// atEnd returns nil if nothing more comes.
func atEnd(r io.Reader) error {
	var one [1]byte
	switch _, err := io.ReadFull(r, one[:]); {
	case err == nil:
		return errTooLarge
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// enlarge doubles a full buffer. Old and new are both taken while one is copied.
func enlarge(l *lease, first, limit int64) error {
	old := l.buf
	size := min(2*int64(cap(old.body)), limit)
	if !l.cover(int64(cap(old.body)) + size) {
		return errNoRoom
	}
	l.buf = &buffer{body: append(make([]byte, 0, size), old.body...)}
	l.m.buffers.put(old)
	l.shrink(l.n - max(size, first))
	return nil
}
