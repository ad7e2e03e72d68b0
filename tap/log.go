package tap

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/emit"
)

// text writes a log record as one line: the message, its fields in brackets, and the error behind
// a colon.
func text(r slog.Record, attrs []slog.Attr) string {
	var fields []string
	failure := ""
	write := func(a slog.Attr) bool {
		v := fmt.Sprint(a.Value.Resolve().Any())
		if a.Key == "error" {
			failure = ": " + v
			return true
		}
		if strings.ContainsAny(v, " \"=[]") || v == "" {
			v = strconv.Quote(v)
		}
		fields = append(fields, a.Key+"="+v)
		return true
	}
	for _, a := range attrs {
		write(a)
	}
	r.Attrs(write)
	if len(fields) == 0 {
		return r.Message + failure
	}
	return r.Message + " [" + strings.Join(fields, " ") + "]" + failure
}

// logged is a line of the log on stderr. Its level comes first, as Singer's tools want it, and
// then the time, but for Meltano, which puts one before each line itself.
func (p *program) logged(level, text string) string {
	if p.meltano {
		return level + " " + text
	}
	return level + " " + p.now().Format(time.DateTime) + " " + text
}

// textHandler logs to stderr.
type textHandler struct {
	program *program
	level   slog.Leveler
	attrs   []slog.Attr
}

// Enabled reports whether lines of a level are shown. The level may change while the program runs.
func (h *textHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle writes a line. It never fails: the console keeps to itself that stderr is gone.
func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	h.program.stderr.line(h.program.logged(levelName(r.Level, "WARNING"), text(r, h.attrs)))
	return nil
}

// WithAttrs returns a handler whose lines have more fields.
func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &textHandler{h.program, h.level, append(slices.Clip(h.attrs), attrs...)}
}

// WithGroup changes nothing: names of fields are not grouped.
func (h *textHandler) WithGroup(string) slog.Handler { return h }

// jsonHandler logs to stderr as a JSON object a line.
func jsonHandler(out *console, level slog.Leveler) slog.Handler {
	return slog.NewJSONHandler(consoleLines{out}, &slog.HandlerOptions{Level: level})
}

// consoleLines takes whole lines for a console.
type consoleLines struct{ out *console }

// Write writes one line.
func (c consoleLines) Write(line []byte) (int, error) {
	c.out.line(strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

// airbyteHandler logs as LOG messages on stdout.
type airbyteHandler struct {
	sink  *emit.Airbyte
	level slog.Leveler
	attrs []slog.Attr
}

// Enabled reports whether messages of a level are written.
func (h *airbyteHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle writes a LOG message. The error is that of stdout.
func (h *airbyteHandler) Handle(_ context.Context, r slog.Record) error {
	return h.sink.Log(levelName(r.Level, "WARN"), printable(text(r, h.attrs)))
}

// WithAttrs returns a handler whose messages have more fields.
func (h *airbyteHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &airbyteHandler{h.sink, h.level, append(slices.Clip(h.attrs), attrs...)}
}

// WithGroup changes nothing: names of fields are not grouped.
func (h *airbyteHandler) WithGroup(string) slog.Handler { return h }

func levelName(l slog.Level, warn string) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return warn
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}
