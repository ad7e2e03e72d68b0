package site

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/client"
)

// TestOpen remembers the account and the site's time, and goes on without a name.
func TestOpen(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		answers map[string][]string
		kind    client.Kind // of the error, KindOther for none
		account string
		warns   string // why the account has no name
	}{
		{"a good site", map[string][]string{whoami: {account}}, client.KindOther, "a1", ""},
		{"the route is gone", map[string][]string{whoami: {"410 {}"}, "/spaces": {list("")}}, client.KindOther, "", "410 Gone"},
		{"the scope is missing", map[string][]string{whoami: {`401 {"message":"scope does not match"}`}}, client.KindOther, "", "scope does not match"},
		{"the answer has no name", map[string][]string{whoami: {`{"type":"known"}`}}, client.KindOther, "", "its answer holds no account id"},
		{"the token is wrong", map[string][]string{whoami: {"401 {}"}, "/_edge/tenant_info": {"404 {}"}}, client.KindToken, "", ""},
		{"no Confluence", map[string][]string{whoami: {"404 {}"}}, client.KindSite, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, _, log := unopened(t, nil, test.answers)
				now := time.Now().Add(time.Hour)
				err := s.Open(t.Context(), now)
				if client.KindOf(err) != test.kind || (err == nil) != (test.kind == client.KindOther) {
					t.Fatalf("error %v", err)
				}
				warned := strings.Contains(log.String(), "does not tell whose token this is")
				if s.account != test.account || warned != (test.warns != "") || !strings.Contains(log.String(), test.warns) {
					t.Errorf("account %q, log %s", s.account, log)
				}
				if !s.Clock().Equal(now) { // no answer had a date
					t.Errorf("the clock shows %v, want %v", s.Clock(), now)
				}
			})
		})
	}
}

// TestProve reads the answers of the probe in mid-run.
func TestProve(t *testing.T) {
	t.Parallel()
	const forbidden = `403 {"message":"User is not permitted to use Confluence"}`
	for _, test := range []struct {
		name    string
		answers []string // of the route that names the account, after the first one
		spaces  []string
		named   bool
		lost    bool
		asked   bool // an interruption that the probe told of
	}{
		{name: "the same account", answers: []string{account}, named: true},
		{name: "another account", answers: []string{`{"type":"known","accountId":"a2"}`}, lost: true, asked: true},
		{name: "nobody", answers: []string{`{"type":"anonymous"}`}, lost: true, asked: true},
		{name: "no account's name", answers: []string{`{"type":"known"}`}},
		{name: "the token is refused", answers: []string{"401 {}"}, lost: true, asked: true},
		{name: "refused once", answers: []string{"401 {}", account}, named: true},
		{name: "the account may not use Confluence", answers: []string{forbidden}, lost: true, asked: true},
		{name: "no site", answers: []string{"404 {}"}, lost: true, asked: true},
		{name: "the route is gone, the site is there", answers: []string{"410 {}"}, spaces: []string{list("")}},
		{name: "the route is forbidden, the site is there", answers: []string{`403 {"message":"no"}`}, spaces: []string{list("")}},
		{name: "the scope is missing", answers: []string{`401 {"message":"scope does not match"}`}},
		{name: "the route answers 500, the site is there", answers: []string{"500 {}"}, spaces: []string{list("")}},
		{name: "the whole site answers 500", answers: []string{"500 {}"}, spaces: []string{"500 {}"}, asked: true},
		{name: "503", answers: []string{"503 {}"}, asked: true},
		{name: "429", answers: []string{"429 {}"}, asked: true},
		{name: "no whole answer", answers: []string{"cut"}, asked: true},
		{name: "a passing fault", answers: []string{"503 {}", account}, named: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, f, _ := opened(t, nil, map[string][]string{})
				f.answers[whoami], f.answers["/spaces"] = test.answers, test.spaces
				got, err := s.Prove(t.Context())
				if got.Named() != test.named {
					t.Errorf("named %v", got.Named())
				}
				wantInterruption(t, err, test.asked, test.lost)
			})
		})
	}
}

// wantInterruption fails the test unless an error is an interruption of that sort, or nil where
// nothing was told.
func wantInterruption(t *testing.T, err error, asked, lost bool) {
	t.Helper()
	if !asked {
		if err != nil {
			t.Errorf("error %v", err)
		}
		return
	}
	if e, ok := errors.AsType[*InterruptedError](err); !ok || !e.Asked || e.Lost != lost {
		t.Errorf("error %#v, want an interruption, lost: %v", err, lost)
	}
}

// TestProveOfNobody proves that the site answers, where it never told the account.
func TestProveOfNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, f, _ := opened(t, nil, map[string][]string{whoami: {"410 {}"}, "/spaces": {list("")}})
		f.answers[whoami] = []string{account}
		if got, err := s.Prove(t.Context()); err != nil || got.Named() {
			t.Errorf("named %v, %v", got.Named(), err)
		}
		f.answers["/spaces"] = []string{"401 {}"}
		_, err := s.Prove(t.Context())
		wantInterruption(t, err, true, true)
	})
}

// TestProofsShare says which probe serves whom: one that began after the question, and no more
// of them than needed.
func TestProofsShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, f, _ := opened(t, nil, map[string][]string{})
		f.delay = 10 * time.Second
		start, before := time.Now(), f.count(whoami)
		var all sync.WaitGroup
		ask := func(at, wantDone time.Duration) {
			all.Go(func() {
				if err := wait(t.Context(), at); err != nil {
					t.Error(err)
				}
				if _, err := s.Prove(t.Context()); err != nil {
					t.Error(err)
				}
				if got := time.Since(start); got != wantDone {
					t.Errorf("asked at %v: proven at %v, want %v", at, got, wantDone)
				}
			})
		}
		ask(0, 10*time.Second)
		ask(1*time.Second, 20*time.Second) // the one under way began before the question
		ask(5*time.Second, 20*time.Second)
		ask(9*time.Second, 20*time.Second)
		ask(11*time.Second, 30*time.Second)
		ask(50*time.Second, 60*time.Second)
		all.Wait()
		if got := f.count(whoami) - before; got != 4 {
			t.Errorf("%d probes, want 4", got)
		}
	})
}

// TestProofsStopped says whom it concerns that an asker is stopped: nobody else.
func TestProofsStopped(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped")
	for _, test := range []struct {
		name   string
		stops  []time.Duration // when askers that come one second apart are stopped, 0: never
		proven []time.Duration // when they have their proof, 0: never
	}{
		{"the first", []time.Duration{5 * time.Second, 0}, []time.Duration{0, 15 * time.Second}},
		{"the second", []time.Duration{0, 5 * time.Second, 0}, []time.Duration{10 * time.Second, 0, 20 * time.Second}},
		{"the one whose probe others wait for", []time.Duration{0, 15 * time.Second, 0}, []time.Duration{10 * time.Second, 0, 25 * time.Second}},
		{"one that waits with others", []time.Duration{0, 0, 5 * time.Second, 0}, []time.Duration{10 * time.Second, 20 * time.Second, 0, 20 * time.Second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, f, _ := opened(t, nil, map[string][]string{})
				f.delay = 10 * time.Second
				start := time.Now()
				var all sync.WaitGroup
				for i, stop := range test.stops {
					ctx := t.Context()
					if stop > 0 {
						ctx = stoppedAfter(t, stop, stopped)
					}
					all.Go(func() {
						if err := wait(ctx, time.Duration(i)*time.Second); err != nil {
							t.Error(err)
						}
						_, err := s.Prove(ctx)
						e, interrupted := errors.AsType[*InterruptedError](err)
						switch {
						case test.proven[i] == 0 && (!interrupted || e.Asked || e.Lost):
							t.Errorf("asker %d, who was stopped: %v", i, err)
						case test.proven[i] > 0 && (err != nil || time.Since(start) != test.proven[i]):
							t.Errorf("asker %d: proven at %v, want %v, error %v", i, time.Since(start), test.proven[i], err)
						}
					})
				}
				all.Wait()
			})
		})
	}
}

// TestJudge decides what errors concern, by the probe alone.
func TestJudge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, f, _ := opened(t, nil, map[string][]string{})
		cause := &client.Error{Kind: client.KindServer, Status: 500}
		for _, err := range []error{cause, &client.Error{Kind: client.KindToken}, &client.Error{Kind: client.KindNetwork}, errors.New("any other")} {
			if got := s.Judge(t.Context(), err); got != nil {
				t.Errorf("%v, while the site answers: %v", err, got)
			}
		}

		f.answers[whoami] = []string{"401 {}"}
		err := s.Judge(t.Context(), cause)
		wantInterruption(t, err, true, true)
		if !errors.Is(err, cause) {
			t.Errorf("the cause is not told: %v", err)
		}

		earlier := &InterruptedError{Cause: cause}
		before := f.count(whoami)
		if got := s.Judge(t.Context(), fmt.Errorf("wrapped: %w", earlier)); !errors.Is(got, earlier) || f.count(whoami) != before {
			t.Errorf("an interruption became %v", got)
		}

		stopped := errors.New("stopped")
		ctx, stop := context.WithCancelCause(t.Context())
		stop(stopped)
		got := s.Judge(ctx, cause)
		if e, ok := errors.AsType[*InterruptedError](got); !ok || e.Asked || e.Lost || !errors.Is(e.Cause, stopped) || f.count(whoami) != before {
			t.Errorf("a run that was stopped: %v", got)
		}
	})
}
