package client

import (
	"errors"
	"io"
)

// minRead is the smallest buffer for an answer, in bytes.
const minRead = 16 << 10

var (
	// errTooLarge: the unpacked body is over maxBody.
	errTooLarge = errors.New("the answer is larger than 64 MB")
	// errNoRoom: the body doesn't fit beside the other buffered answers right now.
	errNoRoom = errors.New("no room to buffer the answer")
)

// readBody reads r to its end into one buffer, whose capacity is taken from l. length is
// the announced length, or negative. It reads at most limit bytes and one more, however far
// the body would unpack. On any error nothing but l's first share stays taken.
func readBody(r io.Reader, l *lease, length, limit int64) ([]byte, error) {
	if length > limit {
		return nil, errTooLarge
	}
	have := l.n // at first the share is what was taken before the request
	// One byte more than announced, so that the end is found without growing.
	size := min(max(have, length+1, minRead), limit)
	if size > have && !l.grow(size-have) {
		return nil, errNoRoom
	}
	buf, err := readAll(r, make([]byte, 0, size), l, limit)
	if err != nil {
		l.shrink(l.n - have)
	}
	return buf, err
}

func readAll(r io.Reader, buf []byte, l *lease, limit int64) ([]byte, error) {
	for {
		if int64(len(buf)) == limit {
			return buf, atEnd(r)
		}
		if len(buf) == cap(buf) {
			var err error
			if buf, err = enlarge(buf, l, limit); err != nil {
				return nil, err
			}
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
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
func enlarge(buf []byte, l *lease, limit int64) ([]byte, error) {
	old := int64(cap(buf))
	size := min(2*old, limit)
	if !l.grow(size) {
		return nil, errNoRoom
	}
	bigger := make([]byte, len(buf), size)
	copy(bigger, buf)
	l.shrink(old)
	return bigger, nil
}
