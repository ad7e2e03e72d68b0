// Command simconfluence serves a simulated Confluence site on an address, for the demo and
// for benchmarks, until it is stopped by SIGINT or SIGTERM. It prints one line to stdout:
// the site's URL. With -truth it serves nothing and prints how many rows each stream has.
// With -admin it also tells whole rows and changes items, for acceptance tests: see admin.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "simconfluence:", err)
		os.Exit(1)
	}
}

// run is the program without its process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	how, options, err := parse(args, stderr)
	if err != nil {
		return err
	}
	site := simconfluence.New(options)
	if how.truth {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		names := stream.Names()
		for _, name := range stream.ExtraNames() {
			if how.extra == "all" || slices.Contains(strings.Split(how.extra, ","), name) {
				names = append(names, name)
			}
		}
		return enc.Encode(site.CountsOf(simconfluence.TruthOptions{}, names))
	}
	if _, err := fmt.Fprintln(stderr, site.PageTally()); err != nil {
		return fmt.Errorf("writing what the site holds: %w", err)
	}
	if how.admin {
		return serve(ctx, admin(site), how.addr, stdout)
	}
	return serve(ctx, site, how.addr, stdout)
}

// readableMost is how many versions, labels or properties anything has at most on a site for
// readers.
const readableMost = 24

// mode is what the command line says beside the site's own options.
type mode struct {
	addr         string
	truth, admin bool
	extra        string
}

// serve serves the site until the context ends.
func serve(ctx context.Context, site http.Handler, addr string, stdout io.Writer) error {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: site, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		_ = server.Close()
	}()
	if _, err := fmt.Fprintln(stdout, "http://"+l.Addr().String()); err != nil {
		return fmt.Errorf("writing the address: %w", err)
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	<-stopped
	return nil
}

// parse reads the command line. Numbers of items that aren't given follow from -pages.
func parse(args []string, stderr io.Writer) (how mode, o simconfluence.Options, err error) {
	f := flag.NewFlagSet("simconfluence", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&how.addr, "addr", "127.0.0.1:0", "`address` to serve on")
	f.BoolVar(&how.truth, "truth", false, "print the number of rows of each stream as JSON and exit")
	f.StringVar(&how.extra, "extra", "", "with -truth: the value of the setting extra_streams, `names` or all")
	f.BoolVar(&how.admin, "admin", false, "let everybody read the truth and change items below /_admin/")
	seed := f.Int64("seed", 1, "`seed` of the site's data")
	pages := f.Int("pages", 300, "`number` of pages, which the other numbers follow unless they are given")
	var given simconfluence.Options
	numbers := []struct {
		name string
		at   *int
		to   func(*simconfluence.Options) *int
	}{
		{"spaces", &given.Spaces, func(o *simconfluence.Options) *int { return &o.Spaces }},
		{"blog-posts", &given.BlogPosts, func(o *simconfluence.Options) *int { return &o.BlogPosts }},
		{"attachments", &given.Attachments, func(o *simconfluence.Options) *int { return &o.Attachments }},
		{"footer-comments", &given.FooterComments, func(o *simconfluence.Options) *int { return &o.FooterComments }},
		{"inline-comments", &given.InlineComments, func(o *simconfluence.Options) *int { return &o.InlineComments }},
		{"tasks", &given.Tasks, func(o *simconfluence.Options) *int { return &o.Tasks }},
		{"groups", &given.Groups, func(o *simconfluence.Options) *int { return &o.Groups }},
		{"custom-content", &given.CustomContent, func(o *simconfluence.Options) *int { return &o.CustomContent }},
		{"labels", &given.Labels, func(o *simconfluence.Options) *int { return &o.Labels }},
	}
	for _, n := range numbers {
		f.IntVar(n.at, n.name, -1, "`number` of "+n.name+"; -1: in proportion to the pages")
	}
	body := f.Int("body-bytes", 0, "`size` of bodies; 0: a mix")
	hard := f.Int("hard-every", 0, "text that is hard to handle in one body of `number` only; 0: in most")
	readable := f.Bool("readable", false, "names, text and sizes for people, and nothing hard to handle")
	visible := f.Bool("all-visible", false, "hide nothing from the user")
	latency := f.Duration("latency", 0, "`time` that each answer takes")
	email := f.String("email", "", "email of the account; empty: everybody may read")
	token := f.String("token", "", "API token of the account")
	bearer := f.String("access-token", "", "access token that the gateway's paths take")
	scoped := f.Bool("scoped-token", false, "take the API token through the gateway only")
	if err := f.Parse(args); err != nil {
		return how, o, err
	}
	if f.NArg() > 0 {
		return how, o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	o = simconfluence.Scaled(*seed, *pages)
	for _, n := range numbers {
		if *n.at >= 0 {
			*n.to(&o) = *n.at
		}
	}
	o.BodyBytes, o.HardEvery, o.AllVisible, o.Latency = *body, *hard, *visible, *latency
	if o.Readable = *readable; o.Readable {
		o.Most = readableMost
	}
	o.Auth = simconfluence.Auth{Email: *email, Token: *token, AccessToken: *bearer, ScopedToken: *scoped}
	return how, o, nil
}
